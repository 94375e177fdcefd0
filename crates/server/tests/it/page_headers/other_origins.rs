//! What scripts of other sites may read: what takes no cookie, without credentials, and nothing that a user is led through
//! (J03, J04, RFC 9700 2.6).

use grantor_testkit::{Answer, Server};

use crate::forms::{cookies, signed_in};

/// Every endpoint of an issuer and beside it, and whether scripts of other sites may read it.
const ENDPOINTS: [(&str, bool); 21] = [
    ("/oauth/token", true),
    ("/revoke", true),
    ("/userinfo", true),
    ("/jwks", true),
    ("/.well-known/openid-configuration", true),
    ("/.well-known/oauth-authorization-server", true),
    ("/authorize", false),
    ("/introspect", false),
    ("/forward-auth/payments", false),
    ("/login", false),
    ("/login/done", false),
    ("/login/account", false),
    ("/login/tenant", false),
    ("/logout", false),
    ("/signup", false),
    ("/signup/verify", false),
    ("/terms", false),
    ("/consent", false),
    ("/admin/v1/tenants", false),
    ("/demo/payments/me", false),
    ("/nowhere", false),
];

fn origins(server: &Server) -> Vec<String> {
    let own = format!("http://{}", server.address());
    let fixed =
        ["https://evil.test", "null", "file://", "https://rp.test", "*", "https://rp.test.evil.test", ""];
    let mut all: Vec<String> = fixed.map(str::to_owned).to_vec();
    all.extend([own.clone(), format!("{own}.evil.test"), own.replace("http:", "https:")]);
    all
}

fn allowed(answer: &Answer) -> Vec<String> {
    let names = answer.headers.keys().filter(|name| name.as_str().starts_with("access-control-"));
    names.map(|name| name.as_str().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn j03_j04_no_origin_is_reflected_and_no_endpoint_ever_allows_credentials() {
    let server = Server::start().await;
    let browser = signed_in(&server, &server.person("end_user")).await;
    for (path, shared) in ENDPOINTS {
        let url = format!("http://{}{path}", server.address());
        for origin in origins(&server) {
            for method in ["GET", "POST", "OPTIONS"] {
                let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
                let mut request = server.http.request(method.clone(), &url).header("origin", &origin);
                request = request.header("cookie", cookies(&browser));
                if method == "OPTIONS" {
                    request = request.header("access-control-request-method", "POST");
                    request = request.header("access-control-request-headers", "authorization, x-evil");
                }
                let answer = server.send(request).await;
                let at = format!("{method} {path} from {origin:?}: {:?}", answer.headers);
                assert!(answer.headers.get("access-control-allow-credentials").is_none(), "{at}");
                let headers = allowed(&answer);
                if !shared {
                    assert_eq!(headers, Vec::<String>::new(), "{at}");
                    continue;
                }
                let allow = answer.header("access-control-allow-origin");
                assert!(allow.is_empty() || allow == "*", "{at}");
                assert!(!answer.header("access-control-allow-headers").contains('*'), "{at}");
                assert!(!answer.header("access-control-allow-headers").contains("x-evil"), "{at}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn scripts_of_apps_in_browsers_can_use_what_they_need() {
    let server = Server::start().await;
    for path in ["/oauth/token", "/revoke", "/userinfo"] {
        let url = format!("http://{}{path}", server.address());
        let asked = server.http.request(reqwest::Method::OPTIONS, &url).header("origin", "https://rp.test");
        let answer = server.send(asked.header("access-control-request-method", "POST")).await;
        assert_eq!((answer.status, answer.header("access-control-allow-origin")), (204, "*"), "{path}");
        assert!(answer.header("access-control-allow-headers").contains("authorization"), "{path}");
        let refused = server.post(&url, None, "grant_type=x").await;
        assert!(
            refused.status >= 400 && refused.header("access-control-allow-origin") == "*",
            "a refusal, too: {path}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn j05_no_page_listens_for_messages_or_watches_a_session() {
    let server = Server::start().await;
    let metadata =
        server.get(&format!("{}/.well-known/openid-configuration", server.issuer("production")), None).await;
    assert!(metadata.json()["check_session_iframe"].is_null());
    for path in ["/check_session", "/session/check", "/login-status-iframe.html"] {
        let answer = server.get(&format!("http://{}{path}", server.address()), None).await;
        assert_eq!(answer.status, 404, "{path}");
    }
    let login = server.get(&format!("http://{}/login", server.address()), None).await;
    let scripts: Vec<&str> =
        login.text.split("<script src=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert_eq!(scripts.len(), 1);
    for script in scripts {
        let script = server.get(&format!("http://{}{script}", server.address()), None).await;
        assert_eq!(script.status, 200);
        assert!(
            !script.text.contains("postMessage") && !script.text.contains("\"message\""),
            "{}",
            script.text
        );
    }
}
