//! Every page, filled with one text for everything that is shown and another for everything that is carried.

use serde::Serialize;
use uuid::Uuid;

use crate::docs::tests::world::{World, contexts};
use crate::pages::*;
use grantor_core::secret::Stage;

/// A rendered page and what it was made of.
pub(super) struct Sample {
    pub(super) name: &'static str,
    pub(super) template: &'static str,
    pub(super) context: serde_json::Value,
    pub(super) html: String,
}

/// Renders and keeps.
pub(super) fn sample<P: PageContext>(pages: &Pages, name: &'static str, page: &P) -> Sample {
    let context = serde_json::to_value(page).unwrap();
    Sample { name, template: P::TEMPLATE, context, html: pages.render(page).html }
}

/// An environment's frame.
pub(super) fn frame(title: &str, stage: Stage) -> Frame {
    Frame::new(title, stage, &"https://id.example.com".parse().unwrap())
}

/// All pages with every optional part.
pub(super) fn filled_with(pages: &Pages, shown: &str, carried: &str) -> Vec<Sample> {
    let name = || Shown::name(shown);
    let text = || Shown::text(shown);
    let carried = || carried.to_owned();
    let frame = || frame(shown, Stage::Test);
    let form = || PageForm { action: carried(), csrf: carried(), interaction: carried() };
    let notice = || Some(Notice::error(shown));
    let link = || WebLink::parse("https://app.example/\"><script>alert(1)</script>");
    let redirect_uri = format!("https://app.example/cb?x={}", carried());
    let form_post = FormPost::new(frame(), &redirect_uri, vec![("code", carried()), ("state", carried())]);
    let app = AppIdentity {
        name: name(),
        destination: name(),
        public: true,
        tenant: Some(name()),
        policy: link(),
        terms: link(),
    };
    let scope = AskedScope { name: carried(), title: name(), detail: text(), required: false };
    let document = TermsDocument {
        kind: carried(),
        version: carried(),
        hash: carried(),
        title: name(),
        effective: name(),
        changes: vec![text(), text()],
        language: carried(),
        html: render_markdown("One *word*."),
    };
    let flow = Flow {
        name: name(),
        description: text(),
        user_resources: true,
        secret: false,
        refresh: true,
        supported: false,
    };
    let accounts = vec![Account { reference: carried(), email: name(), label: name() }];
    let tenants = vec![TenantChoice { id: Uuid::from_u128(7), title: name() }];
    let mut samples = vec![
        sample(
            pages,
            "login",
            &Login {
                frame: frame(),
                form: form(),
                verify: Some(carried()),
                email: name(),
                app: Some(name()),
                tenant: Some(name()),
                signup: Some(carried()),
                notice: notice(),
            },
        ),
        sample(
            pages,
            "signup",
            &Signup {
                frame: frame(),
                form: form(),
                email: name(),
                name: Some(name()),
                shortest_password: 12,
                login: carried(),
                notice: notice(),
            },
        ),
        sample(
            pages,
            "signup-sent",
            &SignupSent { frame: frame(), email: name(), signup: carried(), login: carried() },
        ),
        sample(
            pages,
            "signed-in",
            &SignedIn { frame: frame(), form: form(), email: name(), notice: notice() },
        ),
        sample(
            pages,
            "choose-account",
            &ChooseAccount { frame: frame(), form: form(), app: Some(name()), accounts },
        ),
        sample(
            pages,
            "choose-tenant",
            &ChooseTenant { frame: frame(), form: form(), app: Some(name()), tenants },
        ),
        sample(
            pages,
            "terms",
            &Terms { frame: frame(), form: form(), documents: vec![document], notice: notice() },
        ),
        sample(
            pages,
            "consent",
            &Consent {
                frame: frame(),
                form: form(),
                app,
                email: name(),
                scopes: vec![scope, AskedScope::openid()],
                lasts_days: Some(30),
            },
        ),
        sample(
            pages,
            "error",
            &ErrorPage { frame: frame(), code: name(), text: text(), advice: text(), request_id: name() },
        ),
        sample(pages, "form-post", &form_post.unwrap()),
        sample(
            pages,
            "flow-table",
            &FlowTable {
                frame: frame(),
                api: name(),
                issuer: carried(),
                json: carried(),
                docs: carried(),
                flows: vec![flow],
            },
        ),
    ];
    let names = ["index", "overview", "authentication", "credentials", "tenant-setup", "security", "errors"];
    for (topic, (_, _, article)) in names.into_iter().zip(articles_with(pages, shown)) {
        let link = DocsLink { title: name(), path: carried(), is_here: true };
        samples.push(sample(pages, topic, &DocsPage::new(frame(), name(), vec![link], &article, carried())));
    }
    samples
}

/// Every article, filled with one text: template, context, and what became of it.
pub(super) fn articles_with(pages: &Pages, shown: &str) -> Vec<(&'static str, serde_json::Value, Article)> {
    contexts(pages, &World::full_of(shown))
}

/// Every mail, filled with one text: file name, context, and what became of it.
pub(super) fn mails_with(pages: &Pages, shown: &str) -> Vec<(&'static str, serde_json::Value, MailText)> {
    fn mail<M: MailContext>(pages: &Pages, mail: &M) -> (&'static str, serde_json::Value, MailText) {
        (M::TEMPLATE, json(mail), pages.mail(mail))
    }
    let name = || Shown::name(shown);
    let link = || "https://id.example.com/signup/verify?token=abc".to_owned();
    vec![
        mail(pages, &SignupVerification { environment: name(), email: name(), link: link(), hours: 24 }),
        mail(pages, &SignupAttempted { environment: name(), email: name(), login: link() }),
        mail(
            pages,
            &CredentialExpiring {
                environment: name(),
                email: name(),
                tenant: name(),
                credential: name(),
                days: name(),
                ends: name(),
                login: link(),
            },
        ),
        mail(
            pages,
            &CredentialChanged {
                environment: name(),
                email: name(),
                tenant: name(),
                credential: name(),
                how: name(),
                when: name(),
                login: link(),
            },
        ),
        mail(
            pages,
            &NoticeMail {
                environment: name(),
                email: name(),
                title: name(),
                happened: name(),
                advice: name(),
                link: link(),
            },
        ),
        mail(pages, &PasswordChanged { environment: name(), email: name(), when: name(), login: link() }),
        mail(
            pages,
            &IncidentNotice {
                environment: name(),
                what: name(),
                owner: name(),
                place: name(),
                when: name(),
                done: name(),
                next: name(),
                incident: name(),
                login: link(),
            },
        ),
        mail(
            pages,
            &Switched {
                environment: name(),
                thing: name(),
                past: name(),
                effect: name(),
                reason: name(),
                when: name(),
                login: link(),
            },
        ),
    ]
}

fn json(context: &impl Serialize) -> serde_json::Value {
    serde_json::to_value(context).unwrap()
}
