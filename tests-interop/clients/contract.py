"""What `grantor demo --json` says of itself."""


class Demo:
    def __init__(self, contract):
        self.contract = contract

    def issuer(self, environment):
        return next(own["issuer"] for own in self.contract["environments"] if own["name"] == environment)

    def api(self, environment, name):
        return next(api for api in self.contract["apis"] if (api["environment"], api["name"]) == (environment, name))

    def app(self, environment, name, grant):
        return next(app for app in self.api(environment, name)["clients"] if grant in app["grant_types"])

    def person(self, role):
        return next(user for user in self.contract["users"] if user["role"] == role)

    def scope(self, environment, name):
        """Scopes of OpenID Connect, and all of the API's."""
        own = {example["scope"] for example in self.api(environment, name)["examples"]} - {""}
        return " ".join(["openid", "profile", "email", "offline_access", *sorted(own)])
