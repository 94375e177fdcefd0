//! Every page in every state, with words as people will see them. The test writes them to `target/test-pages`, to be looked
//! at with a browser.

use std::fs;

use uuid::Uuid;

use super::pages;
use super::samples::{Sample, sample};
use crate::docs::tests::world::{World, contexts};
use crate::pages::*;
use grantor_core::secret::Stage;

const TERMS: &str = "\
# 1. What you get

You may call the interfaces that are listed in the [developer portal](https://portal.example.com) with the credentials
that we issue to you. They are **yours alone**: whoever holds a secret acts in your name.

# 2. What we ask of you

1. Keep secrets out of programs that you give to others.
2. Tell us at once when a secret has leaked.
3. Ask for no more permissions than your app needs.

> We may end a credential that endangers the accounts of others, and we will tell you why.

# 3. What it costs

| Calls in a month | Price |
|---|---:|
| up to 100,000 | nothing |
| beyond | 0.40 EUR per 1,000 |

# 4. How it ends

Either side may end the agreement by the end of a month. What we must keep by law, we keep for as long as the law says,
and delete it afterwards. Questions: <legal@example.com>.
";

fn frame() -> Frame {
    super::samples::frame("Northwind Bank", Stage::Live)
}

fn form() -> PageForm {
    PageForm { action: "/login".to_owned(), csrf: "v1.abc".to_owned(), interaction: "i-7".to_owned() }
}

fn name(text: &str) -> Shown {
    Shown::name(text)
}

/// The pages.
pub(super) fn gallery(pages: &Pages) -> Vec<Sample> {
    let mut samples = sign_in(pages);
    samples.extend(sign_up(pages));
    samples.extend(choices(pages));
    samples.extend(agreements(pages));
    samples.extend(outcomes(pages));
    samples.extend(documentation(pages));
    samples
}

fn login() -> Login {
    Login {
        frame: frame(),
        form: form(),
        verify: None,
        email: name(""),
        app: None,
        tenant: None,
        signup: None,
        notice: None,
    }
}

fn sign_in(pages: &Pages) -> Vec<Sample> {
    let app = || Some(name("Ledgerly"));
    let tenant = Some(name("Ledgerly GmbH"));
    let signup = || Some("/signup".to_owned());
    let email = || name("maria.keller@example.com");
    let failed = "The address or the password is not right. Try again, or reset the password.";
    let confirmed = "Your address is confirmed. Sign in to go on.";
    let verify = Some("v-1".to_owned());
    let signed_in = |notice| SignedIn { frame: frame(), form: form(), email: email(), notice };
    let sandbox = super::samples::frame("Northwind Bank", Stage::Test);
    vec![
        sample(pages, "login-plain", &login()),
        sample(pages, "login", &Login { app: app(), tenant, signup: signup(), ..login() }),
        sample(pages, "login-known", &Login { app: app(), email: email(), ..login() }),
        sample(
            pages,
            "login-failed",
            &Login {
                frame: sandbox,
                email: email(),
                signup: signup(),
                notice: Some(Notice::error(failed)),
                ..login()
            },
        ),
        sample(pages, "login-verify", &Login { verify, notice: Some(Notice::info(confirmed)), ..login() }),
        sample(pages, "signed-in", &signed_in(None)),
        sample(pages, "signed-in-notice", &signed_in(Some(Notice::info("Your password has been changed.")))),
    ]
}

fn sign_up(pages: &Pages) -> Vec<Sample> {
    let email = || name("maria.keller@example.com");
    let login = || "/login".to_owned();
    let signup = |name, notice| Signup {
        frame: frame(),
        form: form(),
        email: email(),
        name,
        shortest_password: 12,
        login: login(),
        notice,
    };
    let refused = Some(Notice::error("The password is too short: it needs 12 characters."));
    vec![
        sample(pages, "signup", &signup(Some(name("")), None)),
        sample(pages, "signup-plain", &signup(None, None)),
        sample(pages, "signup-refused", &signup(Some(name("Maria Keller")), refused)),
        sample(
            pages,
            "signup-sent",
            &SignupSent { frame: frame(), email: email(), signup: "/signup".to_owned(), login: login() },
        ),
    ]
}

fn choices(pages: &Pages) -> Vec<Sample> {
    let account = |number: u32, email: &str, label: &str| Account {
        reference: format!("s-{number}"),
        email: name(email),
        label: name(label),
    };
    let accounts = vec![
        account(1, "maria.keller@example.com", "signed in today at 09:12"),
        account(2, "treasury@northwind.example", "signed in yesterday"),
    ];
    let tenants = ["Ledgerly GmbH", "Contoso Treasury Services", "A very long name of a cooperative society"];
    let tenants = tenants.iter().zip(1..);
    let tenants: Vec<_> = tenants
        .map(|(title, number)| TenantChoice { id: Uuid::from_u128(number), title: name(title) })
        .collect();
    let one = vec![account(1, "maria.keller@example.com", "signed in today at 09:12")];
    let tenant = vec![TenantChoice { id: Uuid::from_u128(9), title: name("Ledgerly GmbH") }];
    vec![
        sample(
            pages,
            "choose-account",
            &ChooseAccount { frame: frame(), form: form(), app: Some(name("Ledgerly")), accounts },
        ),
        sample(
            pages,
            "choose-account-plain",
            &ChooseAccount { frame: frame(), form: form(), app: None, accounts: one },
        ),
        sample(
            pages,
            "choose-tenant",
            &ChooseTenant { frame: frame(), form: form(), app: Some(name("Ledgerly")), tenants },
        ),
        sample(
            pages,
            "choose-tenant-plain",
            &ChooseTenant { frame: frame(), form: form(), app: None, tenants: tenant },
        ),
    ]
}

fn agreements(pages: &Pages) -> Vec<Sample> {
    let document = |kind: &str, title: &str, changes: Option<&str>| TermsDocument {
        kind: kind.to_owned(),
        version: "3".to_owned(),
        hash: "9f86d081".to_owned(),
        title: name(title),
        effective: name("1 March 2027"),
        changes: changes.map(Shown::text).into_iter().collect(),
        language: "en".to_owned(),
        html: render_markdown(TERMS),
    };
    let terms = document("terms", "Terms of use", Some("Section 3 has new prices."));
    let policy = document("data-protection", "Data-protection policy", None);
    let again = document("terms", "Terms of use", None);
    let page = |documents, notice| Terms { frame: frame(), form: form(), documents, notice };
    let refused = Some(Notice::error("Tick the box of each document to accept it, or decline."));
    let scope = |name: &str, title: &str, detail: &str| AskedScope {
        name: name.to_owned(),
        title: Shown::name(title),
        detail: Shown::text(detail),
        required: false,
    };
    let consent = |app, scopes, lasts_days| Consent {
        frame: frame(),
        form: form(),
        app,
        email: name("maria.keller@example.com"),
        scopes,
        lasts_days,
    };
    let app = AppIdentity {
        name: name("Ledgerly"),
        destination: name("app.ledgerly.example"),
        public: false,
        tenant: Some(name("Ledgerly GmbH")),
        policy: WebLink::parse("https://ledgerly.example/privacy"),
        terms: WebLink::parse("https://ledgerly.example/terms"),
    };
    let public = AppIdentity {
        name: name("Pocket Teller"),
        destination: name("com.pocketteller.app"),
        public: true,
        tenant: None,
        policy: WebLink::parse("https://pocketteller.example/privacy"),
        terms: None,
    };
    let unknown = |terms| AppIdentity {
        name: name("Pocket Teller"),
        destination: name("pocketteller.example"),
        public: false,
        tenant: None,
        policy: None,
        terms,
    };
    let anonymous = unknown(WebLink::parse("https://pocketteller.example/terms"));
    let read = || {
        scope("payments:read", "See your transfers", "Amounts, dates and recipients, up to two years back.")
    };
    let write = scope("payments:write", "Make transfers", "You confirm each of them yourself.");
    vec![
        sample(pages, "terms", &page(vec![terms, policy], None)),
        sample(pages, "terms-refused", &page(vec![again], refused)),
        sample(pages, "consent", &consent(app, vec![AskedScope::openid(), read(), write], Some(30))),
        sample(pages, "consent-public", &consent(public, vec![scope("x.read", "See your rates", "")], None)),
        sample(pages, "consent-day", &consent(anonymous, vec![read()], Some(1))),
        sample(pages, "consent-unlinked", &consent(unknown(None), vec![read()], Some(2))),
    ]
}

fn outcomes(pages: &Pages) -> Vec<Sample> {
    let flow =
        |title: &str, description: &str, [user_resources, secret, refresh, supported]: [bool; 4]| Flow {
            name: name(title),
            description: Shown::text(description),
            user_resources,
            secret,
            refresh,
            supported,
        };
    let flows = vec![
        flow(
            "Authorization code",
            "For apps with a server of their own that act for a person.",
            [true, true, true, false],
        ),
        flow(
            "Authorization code with PKCE",
            "For apps on phones and in browsers, which cannot keep a secret.",
            [true, false, true, false],
        ),
        flow(
            "Client credentials",
            "For programs that act for themselves, without a person.",
            [false, true, false, true],
        ),
    ];
    let error = ErrorPage {
        frame: frame(),
        code: name("invalid_request"),
        text: Shown::text("The app sent you here with an address that it has not registered."),
        advice: Shown::text(
            "Go back to the app and try again. If it happens again, tell the people who run it.",
        ),
        request_id: name("01985f3e-7a11-7c3e-9d41-5b1c0f7d2a90"),
    };
    let form_post = FormPost::new(frame(), "https://app.ledgerly.example/cb", vec![("code", "c".to_owned())]);
    vec![
        sample(pages, "error", &error),
        sample(pages, "form-post", &form_post.unwrap()),
        sample(
            pages,
            "flow-table",
            &FlowTable {
                frame: frame(),
                api: name("Used-car deals"),
                issuer: "https://id.example.com".to_owned(),
                json: "/flows/deals.json".to_owned(),
                docs: "/docs/deals".to_owned(),
                flows,
            },
        ),
    ]
}

/// Articles of the demo's APIs.
fn documentation(pages: &Pages) -> Vec<Sample> {
    let shown = |name, api: &str, number: usize| {
        let article = contexts(pages, &World::of(api)).remove(number).2;
        let titles =
            ["All APIs", "Overview", "Authentication", "Credentials", "Tenant set-up", "Security practices"];
        let link = |(at, title): (usize, &&str)| DocsLink {
            title: Shown::name(title),
            path: "/docs/things".to_owned(),
            is_here: at == number,
        };
        let links = titles.iter().enumerate().map(link).collect();
        let page = DocsPage::new(frame(), Shown::name(api), links, &article, "/docs/things.md".to_owned());
        sample(pages, name, &page)
    };
    vec![
        shown("docs-index", "payments", 0),
        shown("docs-overview", "deals", 1),
        shown("docs-authentication", "payments", 2),
        shown("docs-authentication-opaque", "banking", 2),
        shown("docs-credentials", "assets", 3),
        shown("docs-tenant-setup", "assets", 4),
        shown("docs-security", "banking", 5),
        shown("docs-errors", "payments", 6),
    ]
}

#[test]
fn the_gallery_can_be_looked_at_with_a_browser() {
    let pages = pages();
    // `target/debug/deps/<this test>`, wherever `target` is.
    let target = std::env::current_exe().unwrap().ancestors().nth(3).unwrap().join("test-pages");
    fs::create_dir_all(target.join("static")).unwrap();
    let mut index = String::new();
    for sample in gallery(&pages) {
        let name = sample.name;
        fs::write(target.join(format!("{name}.html")), sample.html.replace("\"/static/", "\"static/"))
            .unwrap();
        index.push_str(&format!("<li><a href=\"{name}.html\">{name}</a>\n"));
    }
    fs::write(target.join("index.html"), index).unwrap();
    let names = serde_json::to_value(pages.assets.names()).unwrap();
    for name in names.as_object().unwrap().values().filter_map(|name| name.as_str()) {
        fs::write(target.join("static").join(name), &pages.asset(name).unwrap().bytes).unwrap();
    }
    assert!(target.join("consent.html").exists());
}
