//! Signing in and out, the first set-up, and the choice of language.

use std::sync::Arc;

use askama::Template;
use axum::{
    Extension,
    extract::{Path, Query, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::Response,
};
use qrcode::{Color, EcLevel, QrCode};
use serde::Deserialize;
use sizao_app::{
    AppError, Refusal,
    accounts::{Credentials, PASSWORD_MIN, SetUp},
    identity::UnitKind,
};

use super::{Answer, Wrong, beside, on_to, page, page_with, wrong};
use crate::{
    context::{Asked, Ctx, LANGUAGE, SESSION},
    failure::Failure,
    form::{Open, Sent},
    state::Shared,
    view::{self, Chrome},
};

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignInPage {
    c: Chrome,
    back: String,
    login: String,
    wrong: Option<String>,
    done: bool,
}

#[derive(Deserialize, Default)]
pub(crate) struct Back {
    #[serde(default)]
    back: String,
    #[serde(default)]
    to: String,
    #[serde(default)]
    done: String,
}

/// The form.
pub(crate) async fn form(Extension(asked): Extension<Asked>, Query(query): Query<Back>) -> Answer {
    let back = view::own_address(&query.back).to_owned();
    page(&SignInPage { c: Chrome::open(&asked), back, login: String::new(), wrong: None, done: !query.done.is_empty() })
}

/// Signs in. A session that the browser had before is ended, never taken over.
pub(crate) async fn sign_in(
    State(shared): State<Arc<Shared>>,
    Extension(asked): Extension<Asked>,
    headers: HeaderMap,
    Open(fields): Open,
) -> Answer {
    let sent =
        Credentials { login: fields.text("login"), password: fields.text("password"), code: fields.text("code") };
    let device = headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let now = shared.now();
    match shared.app.sign_in(sent, &device_name(device), now).await {
        Ok(token) => {
            if let Some(old) = crate::context::cookie(&headers, SESSION)
                && let Ok(actor) = shared.app.actor(old, &asked.request, now).await
            {
                let _ = shared.app.end_own_session(&actor, actor.session, now).await;
            }
            let actor = shared.app.actor(&token, &asked.request, now).await?;
            let back = match view::own_address(fields.get("back")) {
                "/" => view::home(actor.role),
                own => own,
            };
            with_cookie(on_to(back)?, &cookie_text(&shared, SESSION, &token, None))
        }
        Err(AppError::Refused(refusal @ (Refusal::Credentials | Refusal::Locked { .. }))) => {
            let status = Failure::from(refusal.clone()).status;
            let wrong = Some(view::refusal_text(asked.lang, &refusal));
            let back = view::own_address(fields.get("back")).to_owned();
            let login = fields.get("login").chars().take(80).collect();
            page_with(status, &SignInPage { c: Chrome::open(&asked), back, login, wrong, done: false })
        }
        Err(other) => Err(other.into()),
    }
}

/// Signs out; the session is over on the node, whatever the browser keeps.
pub(crate) async fn sign_out(Sent(ctx, _): Sent) -> Answer {
    ctx.app().end_own_session(&ctx.actor, ctx.actor.session, ctx.wall()).await?;
    with_cookie(on_to("/sign-in")?, &cookie_text(&ctx.shared, SESSION, "", Some(0)))
}

/// The first page of whoever is signed in.
pub(crate) async fn home(ctx: Ctx) -> Answer {
    on_to(view::home(ctx.actor.role))
}

/// Chooses the language of this browser.
pub(crate) async fn language(State(shared): State<Arc<Shared>>, Query(query): Query<Back>) -> Answer {
    let tag = crate::Lang::parse(&query.to).tag();
    with_cookie(on_to(view::own_address(&query.back))?, &cookie_text(&shared, LANGUAGE, tag, Some(31_536_000)))
}

#[derive(Template)]
#[template(path = "set_up.html")]
struct SetUpPage {
    c: Chrome,
    token: String,
    first: bool,
    secret: String,
    qr: (usize, String),
    kinds: [UnitKind; UnitKind::ALL.len()],
    min: String,
    form: SetUp,
    wrong: Option<Wrong>,
}

impl SetUpPage {
    fn beside(&self, field: &str) -> Option<&str> {
        beside(&self.wrong, field)
    }

    /// The secret in groups of four, to be typed.
    fn spelt(&self) -> String {
        let letters: Vec<char> = self.secret.chars().collect();
        letters.chunks(4).map(|four| four.iter().collect::<String>()).collect::<Vec<_>>().join(" ")
    }
}

/// The form of a one-time link.
pub(crate) async fn set_up_form(
    State(shared): State<Arc<Shared>>,
    Extension(asked): Extension<Asked>,
    Path(token): Path<String>,
) -> Answer {
    page(&set_up_page(&shared, &asked, token, SetUp::default(), None).await?)
}

/// Uses a one-time link.
pub(crate) async fn set_up(
    State(shared): State<Arc<Shared>>,
    Extension(asked): Extension<Asked>,
    Path(token): Path<String>,
    Open(fields): Open,
) -> Answer {
    let form = SetUp {
        unit_name: fields.text("unit_name"),
        unit_kind: fields.text("unit_kind"),
        division: fields.text("division"),
        login: fields.text("login"),
        name: fields.text("name"),
        password: fields.text("password"),
        repeated: fields.text("repeated"),
        code: fields.text("code"),
    };
    match shared.app.set_up(&token, form.clone(), shared.now()).await {
        Ok(_) => on_to("/sign-in?done=1"),
        Err(error) => {
            let wrong = wrong(error, asked.lang)?;
            let form = SetUp { password: String::new(), repeated: String::new(), code: String::new(), ..form };
            page_with(StatusCode::UNPROCESSABLE_ENTITY, &set_up_page(&shared, &asked, token, form, Some(wrong)).await?)
        }
    }
}

async fn set_up_page(
    shared: &Shared,
    asked: &Asked,
    token: String,
    mut form: SetUp,
    wrong: Option<Wrong>,
) -> Result<SetUpPage, Failure> {
    let link = shared.app.set_up_link(&token, shared.now()).await?;
    let first = link.account.is_none();
    if let Some(account) = link.account {
        (form.login, form.name) = (account.login, account.name);
    }
    let qr = qr(&format!("otpauth://totp/Sizao?secret={}&issuer=Sizao", link.secret));
    let min = PASSWORD_MIN.to_string();
    Ok(SetUpPage {
        c: Chrome::open(asked),
        token,
        first,
        secret: link.secret,
        qr,
        kinds: UnitKind::ALL,
        min,
        form,
        wrong,
    })
}

/// A QR code as modules a side and an SVG path.
fn qr(text: &str) -> (usize, String) {
    let Ok(code) = QrCode::with_error_correction_level(text, EcLevel::M) else { return (1, String::new()) };
    let width = code.width();
    let dark = code.to_colors().into_iter().enumerate().filter(|(_, color)| *color == Color::Dark);
    (width, dark.map(|(i, _)| format!("M{} {}h1v1h-1z", i % width, i / width)).collect())
}

fn cookie_text(shared: &Shared, name: &str, value: &str, seconds: Option<u32>) -> String {
    let secure = if shared.settings.secure { "; Secure" } else { "" };
    let age = seconds.map_or(String::new(), |seconds| format!("; Max-Age={seconds}"));
    format!("{name}={value}; Path=/; HttpOnly; SameSite=Strict{secure}{age}")
}

fn with_cookie(mut response: Response, cookie: &str) -> Answer {
    let value = HeaderValue::from_str(cookie).map_err(|_| Failure::status(StatusCode::BAD_REQUEST))?;
    response.headers_mut().append(header::SET_COOKIE, value);
    Ok(response)
}

/// What a browser calls itself, in few words.
fn device_name(agent: &str) -> String {
    let among =
        |names: &[(&str, &'static str)]| names.iter().find(|(part, _)| agent.contains(part)).map(|(_, name)| *name);
    let browser = among(&[
        ("MicroMessenger", "WeChat"),
        ("Edg/", "Edge"),
        ("Firefox/", "Firefox"),
        ("Chrome/", "Chrome"),
        ("Safari/", "Safari"),
    ]);
    let system = among(&[
        ("HarmonyOS", "HarmonyOS"),
        ("Android", "Android"),
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Windows", "Windows"),
        ("Mac OS", "macOS"),
        ("Linux", "Linux"),
    ]);
    [browser, system].into_iter().flatten().collect::<Vec<_>>().join(", ")
}
