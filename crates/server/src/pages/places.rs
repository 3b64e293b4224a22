//! Places: the register, the code that a place shows, registering by hand; and the page that a visitor's telephone opens.

use std::sync::Arc;

use askama::Template;
use axum::{
    Extension,
    extract::{Path, State},
    http::{HeaderMap, StatusCode, header},
    response::{Html, IntoResponse},
};
use qrcode::{EcLevel, QrCode, render::svg};
use sizao_app::{
    AppError, Refusal,
    ledger::{CODE_SECONDS, Flag, Known, NewPlace, PLACE_KINDS, PlaceRecord, StayEntry, StayReceipt, Who},
};
use sizao_model::{
    Instant,
    identity::{Phone, PhoneRole},
};
use uuid::Uuid;

use super::{Answer, Wrong, beside, on_to, page, page_with, wrong};
use crate::{
    context::{Asked, Ctx},
    failure::Failure,
    form::{Fields, Open, Sent},
    state::Shared,
    view::Chrome,
};

#[derive(Template)]
#[template(path = "places.html")]
struct PlacesTemplate {
    c: Chrome,
    places: Vec<PlaceLine>,
    form: NewPlace,
    wrong: Option<Wrong>,
    kinds: Vec<(&'static str, String, bool)>,
}

struct PlaceLine {
    id: Uuid,
    name: String,
    kind: String,
    place: String,
    capacity: String,
}

impl PlaceLine {
    fn of(place: &PlaceRecord, c: &Chrome) -> Self {
        Self {
            id: place.id,
            name: place.name.clone(),
            kind: c.word("place-kind", &place.kind.replace('_', "-")),
            place: c.place(&place.division),
            capacity: place.capacity.map_or("–".to_owned(), |capacity| capacity.to_string()),
        }
    }
}

impl PlacesTemplate {
    fn beside(&self, field: &str) -> Option<&str> {
        beside(&self.wrong, field)
    }
}

/// The register.
pub(crate) async fn list(ctx: Ctx) -> Answer {
    filled(&ctx, StatusCode::OK, NewPlace::default(), None).await
}

async fn filled(ctx: &Ctx, status: StatusCode, form: NewPlace, wrong: Option<Wrong>) -> Answer {
    let places = ctx.app().list_places(&ctx.actor, 0).await?;
    let c = Chrome::of(ctx);
    let places = places.iter().map(|place| PlaceLine::of(place, &c)).collect();
    let kinds = PLACE_KINDS.iter().map(|kind| kind.name()).filter(|kind| *kind != "household");
    let kinds = kinds.map(|kind| (kind, c.word("place-kind", &kind.replace('_', "-")), kind == form.kind)).collect();
    page_with(status, &PlacesTemplate { c, places, form, wrong, kinds })
}

/// Enters a place.
pub(crate) async fn add(Sent(ctx, fields): Sent) -> Answer {
    let form = NewPlace {
        code: fields.text("code"),
        name: fields.text("name"),
        kind: fields.text("kind"),
        division: fields.text("division"),
        capacity: fields.text("capacity"),
    };
    match ctx.app().add_place(&ctx.actor, &form, ctx.wall()).await {
        Ok(place) => on_to(&format!("/places/{}", place.id)),
        Err(error) => {
            let wrong = wrong(error, ctx.asked.lang)?;
            filled(&ctx, StatusCode::UNPROCESSABLE_ENTITY, form, Some(wrong)).await
        }
    }
}

#[derive(Template)]
#[template(path = "place.html")]
struct PlaceTemplate {
    c: Chrome,
    line: PlaceLine,
    qr: String,
    code: String,
    seconds: u64,
    wrong: Option<Wrong>,
    taken: bool,
    key: String,
    name: String,
    phone: String,
}

impl PlaceTemplate {
    fn beside(&self, field: &str) -> Option<&str> {
        beside(&self.wrong, field)
    }
}

/// A place with what it shows now, for a screen at the door.
pub(crate) async fn show(ctx: Ctx, Path(id): Path<Uuid>, headers: HeaderMap) -> Answer {
    let taken = ctx.asked.address.ends_with("?taken=1");
    shown(&ctx, id, &headers, StatusCode::OK, None, &Fields::default(), taken).await
}

async fn shown(
    ctx: &Ctx,
    id: Uuid,
    headers: &HeaderMap,
    status: StatusCode,
    wrong: Option<Wrong>,
    fields: &Fields,
    taken: bool,
) -> Answer {
    let place = ctx.app().own_place(&ctx.actor, id).await?;
    let c = Chrome::of(ctx);
    let code = ctx.app().code_of(place.no, ctx.app().now());
    let key = match fields.get("key") {
        "" => ctx.app().store().random_id().simple().to_string(),
        key => key.to_owned(),
    };
    let template = PlaceTemplate {
        line: PlaceLine::of(&place, &c),
        qr: drawn(ctx, headers, &code)?,
        code,
        seconds: CODE_SECONDS,
        wrong,
        taken,
        key,
        name: fields.text("name"),
        phone: fields.text("phone"),
        c,
    };
    page_with(status, &template)
}

/// What a place shows now, as a picture alone: the screen asks for it again and again.
pub(crate) async fn code(ctx: Ctx, Path(id): Path<Uuid>, headers: HeaderMap) -> Answer {
    let place = ctx.app().own_place(&ctx.actor, id).await?;
    let code = ctx.app().code_of(place.no, ctx.app().now());
    let text = format!("{}<p class=\"mono wrap faint\">{code}</p>", drawn(&ctx, &headers, &code)?);
    Ok(Html(text).into_response())
}

/// The picture of a code: an address of this node, which a telephone's camera opens.
fn drawn(ctx: &Ctx, headers: &HeaderMap, code: &str) -> Result<String, Failure> {
    let scheme = if ctx.shared.settings.secure { "https" } else { "http" };
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("localhost");
    let address = format!("{scheme}://{host}/scan/{code}");
    let code = QrCode::with_error_correction_level(address.as_bytes(), EcLevel::M)
        .map_err(|_| Failure::status(StatusCode::INTERNAL_SERVER_ERROR))?;
    let svg = code.render::<svg::Color>().min_dimensions(240, 240).build();
    Ok(svg.replace("<?xml version=\"1.0\" standalone=\"yes\"?>", ""))
}

/// Somebody came who is written down by hand.
pub(crate) async fn register(Path(id): Path<Uuid>, headers: HeaderMap, Sent(ctx, fields): Sent) -> Answer {
    let now = ctx.app().now();
    ctx.app().own_place(&ctx.actor, id).await?;
    let entry = who(&fields).map(|who| StayEntry {
        key: fields.text("key"),
        who,
        place: 0,
        enter_s: seconds(now),
        leave_s: None,
        of: None,
        known: Known::Register,
        flags: 0,
        seat: None,
    });
    let done = match entry {
        Ok(entry) => ctx.app().register_visit(&ctx.actor, id, entry, ctx.wall()).await,
        Err(refusal) => Err(AppError::from(refusal)),
    };
    match done {
        Ok(StayReceipt::Stored(_) | StayReceipt::Repeat) => on_to(&format!("/places/{id}?taken=1")),
        Ok(StayReceipt::Refused(_)) => Err(Refusal::Changed.into()),
        Err(error) => {
            let wrong = wrong(error, ctx.asked.lang)?;
            shown(&ctx, id, &headers, StatusCode::UNPROCESSABLE_ENTITY, Some(wrong), &fields, false).await
        }
    }
}

/// Who says that they are there: a name, and a telephone by which they are told apart; without one, the name of the day's list.
fn who(fields: &Fields) -> Result<Who, Refusal> {
    let name = fields.get("name").trim();
    if name.is_empty() || name.chars().count() > 40 || name.chars().any(char::is_control) {
        return Err(Refusal::field("name", "sheet-name"));
    }
    let phone = match fields.get("phone").trim() {
        "" => None,
        text => Some(Phone::new(text, PhoneRole::Own).map_err(|_| Refusal::field("phone", "sheet-phone"))?),
    };
    let word = match &phone {
        Some(phone) => phone.reveal().to_owned(),
        // Nobody is told apart by a name: each entry without a telephone is somebody of its own.
        None => fields.get("key").chars().take(60).collect(),
    };
    let scope = if phone.is_some() { "phone" } else { "register" };
    Ok(Who::Named { scope: scope.to_owned(), name: word, full_name: Some(name.to_owned()), phone })
}

#[derive(Template)]
#[template(path = "scan.html")]
struct ScanTemplate {
    c: Chrome,
    code: String,
    place: String,
    where_is: String,
    key: String,
    wrong: Option<Wrong>,
    done: bool,
    odd: bool,
    at: String,
    name: String,
    phone: String,
}

impl ScanTemplate {
    fn beside(&self, field: &str) -> Option<&str> {
        beside(&self.wrong, field)
    }
}

/// What opens when somebody scans a code with their own telephone. No account.
pub(crate) async fn scan(
    State(shared): State<Arc<Shared>>,
    Extension(asked): Extension<Asked>,
    Path(code): Path<String>,
) -> Answer {
    let place = shared.app.place_shown(&code).await?;
    let key = shared.app.store().random_id().simple().to_string();
    page(&visitor(&asked, &place, code, key, shared.app.now()))
}

fn visitor(asked: &Asked, place: &PlaceRecord, code: String, key: String, now: Instant) -> ScanTemplate {
    let c = Chrome::open(asked);
    ScanTemplate {
        place: place.name.clone(),
        where_is: c.place(&place.division),
        at: c.at(&now),
        c,
        code,
        key,
        wrong: None,
        done: false,
        odd: false,
        name: String::new(),
        phone: String::new(),
    }
}

/// The visitor says who they are; it is in the ledger when the page says so.
pub(crate) async fn visit(
    State(shared): State<Arc<Shared>>,
    Extension(asked): Extension<Asked>,
    Path(code): Path<String>,
    Open(fields): Open,
) -> Answer {
    let place = shared.app.place_shown(&code).await?;
    let mut template = visitor(&asked, &place, code.clone(), fields.text("key"), shared.app.now());
    (template.name, template.phone) = (fields.text("name"), fields.text("phone"));
    let done = match who(&fields) {
        Ok(who) => shared.app.visit(&code, who, fields.get("key")).await.map(|(_, receipt)| receipt),
        Err(refusal) => Err(refusal.into()),
    };
    match done {
        Ok(StayReceipt::Stored(flags)) => {
            template.done = true;
            template.odd = flags.contains(&Flag::Stale) || flags.contains(&Flag::Far);
            page(&template)
        }
        Ok(StayReceipt::Repeat) => {
            template.done = true;
            page(&template)
        }
        Ok(StayReceipt::Refused(_)) => Err(Refusal::Changed.into()),
        Err(error) => {
            template.wrong = Some(wrong(error, asked.lang)?);
            page_with(StatusCode::UNPROCESSABLE_ENTITY, &template)
        }
    }
}

fn seconds(at: Instant) -> u32 {
    u32::try_from(at.as_micros().div_euclid(1_000_000)).unwrap_or(0)
}
