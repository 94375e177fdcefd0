use serde_json::Value;

use super::*;

#[test]
fn an_address_that_others_can_reach_is_refused_by_name() {
    for address in ["0.0.0.0:8080", "192.0.2.1:0", "[::]:8080", "[2001:db8::1]:1"] {
        let refusal = address_to_use(address.parse().unwrap()).unwrap_err().to_string();
        assert!(refusal.contains("no loopback address"), "{refusal}");
    }
}

#[test]
fn a_taken_port_is_refused_with_the_next_step() {
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let error = address_to_use(other.local_addr().unwrap()).unwrap_err();
    assert!(error.to_string().contains("--listen"), "{error}");
}

fn options(data: Option<&Path>, database_url: Option<&str>) -> DemoOptions {
    DemoOptions {
        manifest: None,
        listen: "127.0.0.1:0".parse().unwrap(),
        management: None,
        data: data.map(Path::to_owned),
        database_url: database_url.map(|url| url.parse().unwrap()),
        json: true,
        password_cost: Cost::new(64, 1).unwrap(),
        leaks: Leaks::default(),
    }
}

#[test]
fn the_folder_is_the_given_one_else_the_database_s() {
    let given = Path::new("/a");
    assert_eq!(folder_of(&options(Some(given), Some("sqlite:/b/c.db"))).as_deref(), Some(given));
    assert_eq!(folder_of(&options(None, Some("sqlite:/b/c.db"))), Some("/b".into()));
    assert_eq!(folder_of(&options(None, None)), None);
}

#[test]
fn loopback_is_a_trusted_proxy_and_the_files_stand_in_the_folder() {
    let folder = Path::new("/some/folder");
    let options = options(None, None);
    let config = config(&options, options.listen, folder, &folder.join("mail")).unwrap();
    let trusted = |address: &str| {
        let address = address.parse().unwrap();
        config.server.trusted_proxies.iter().any(|network| network.contains(address))
    };
    assert!(trusted("127.0.0.1") && trusted("127.9.9.9") && trusted("::1"));
    assert!(!trusted("10.0.0.1") && !trusted("::2"));
    assert_eq!(config.database.url.directory(), folder);
    assert!(matches!(&config.keys.master_key, MasterKeySource::File(path) if path.parent() == Some(folder)));
    assert_eq!(config.log.level.as_str(), "warn");
    assert_eq!(config.server.management, None);
}

async fn started(folder: &Path) -> Demo {
    start(&options(Some(folder), None), Arc::new(SystemClock::new())).await.unwrap()
}

fn text<'a>(value: &'a Value, member: &str) -> &'a str {
    value[member].as_str().unwrap()
}

fn http() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().build().unwrap()
}

/// A token of this client, at this token endpoint, in the way that the contract names.
async fn token(client: &Value, endpoint: &str) -> Option<String> {
    let (id, secret) = (text(client, "client_id"), text(client, "client_secret"));
    // Ids and secrets of the demo need no form encoding.
    let (basic, form) = match text(client, "token_endpoint_auth_method") {
        "client_secret_post" => {
            (false, format!("grant_type=client_credentials&client_id={id}&client_secret={secret}"))
        }
        _ => (true, "grant_type=client_credentials".to_owned()),
    };
    let request =
        http().post(endpoint).header("content-type", "application/x-www-form-urlencoded").body(form);
    let request = if basic { request.basic_auth(id, Some(secret)) } else { request };
    let answer: Value = request.send().await.unwrap().json().await.unwrap();
    answer["access_token"].as_str().map(str::to_owned)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_operation_of_every_api_takes_the_kinds_that_it_names_and_no_other() {
    let place = tempfile::tempdir().unwrap();
    let demo = started(&place.path().join("data")).await;
    for api in demo.contract["apis"].as_array().unwrap() {
        let mut credentials =
            vec![("client", token(&api["clients"][0], text(api, "token_endpoint")).await.unwrap())];
        credentials.extend(
            api["api_keys"].as_array().unwrap().iter().map(|key| ("api_key", text(key, "key").to_owned())),
        );
        for example in api["examples"].as_array().unwrap() {
            for (kind, credential) in &credentials {
                let here = format!("{} {} {} {kind}", api["base_url"], example["method"], example["path"]);
                let url =
                    format!("{}{}", text(api, "base_url"), text(example, "path").replace("{id}", "de_1"));
                let method = text(example, "method").parse().unwrap();
                let answer = http().request(method, url).bearer_auth(credential).send().await.unwrap();
                let status = answer.status().as_u16();
                let body: Value = answer.json().await.unwrap();
                if example["accepts"].as_array().unwrap().iter().any(|accepted| accepted == kind) {
                    assert!(matches!(status, 200 | 201), "{here}: {status}");
                    assert_eq!(body["caller"]["credential_kind"], *kind, "{here}");
                    assert_eq!(body["caller"]["environment"], api["environment"], "{here}");
                } else {
                    assert_eq!(
                        (status, &body["reason"], &body["sent"]),
                        (403, &"credential_kind".into(), &(*kind).into()),
                        "{here}"
                    );
                }
            }
        }
    }
    demo.running.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_start_on_the_folder_shows_new_secrets_and_the_old_ones_stay_valid() {
    let place = tempfile::tempdir().unwrap();
    let first = started(place.path()).await;
    first.running.shutdown().await;
    let second = started(place.path()).await;
    let (old, new) = (&first.contract, &second.contract);
    assert_eq!(old["operator"]["api_token"], new["operator"]["api_token"]);
    let pairs = old["apis"].as_array().unwrap().iter().zip(new["apis"].as_array().unwrap());
    for (old, new) in pairs {
        assert_eq!((&old["name"], &old["environment"]), (&new["name"], &new["environment"]));
        assert_ne!(old["clients"][0]["client_secret"], new["clients"][0]["client_secret"]);
        assert_ne!(old["introspection"]["client_secret"], new["introspection"]["client_secret"]);
        for client in [&old["clients"][0], &new["clients"][0]] {
            assert!(token(client, text(new, "token_endpoint")).await.is_some(), "{}", new["base_url"]);
        }
    }
    second.running.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_key_opens_the_demo_s_api_no_more() {
    let place = tempfile::tempdir().unwrap();
    let demo = started(place.path()).await;
    let mut apis = demo.contract["apis"].as_array().unwrap().iter();
    let api = apis.find(|api| api["api_keys"].as_array().is_some_and(|keys| !keys.is_empty())).unwrap();
    let (key, mut examples) = (&api["api_keys"][0], api["examples"].as_array().unwrap().iter());
    let example =
        examples.find(|example| example["accepts"].as_array().unwrap().contains(&"api_key".into())).unwrap();
    let url = format!("{}{}", text(api, "base_url"), text(example, "path"));
    let status =
        || async { http().get(&url).bearer_auth(text(key, "key")).send().await.unwrap().status().as_u16() };
    assert_eq!(status().await, 200);
    let admin = Admin::new(&demo.world.api_url, &demo.world.operator_token).unwrap();
    admin.revoke_key(text(api, "environment"), text(key, "id"), "test").await.unwrap();
    assert_eq!(status().await, 401, "at once: nothing is remembered");
    demo.running.shutdown().await;
}
