//! Announcing an arrival without an account, in both languages; the receipt; "I have arrived".

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use askama::Template;
use axum::{
    Extension,
    extract::{ConnectInfo, Path, State},
    http::StatusCode,
};
use sizao_app::{
    Refusal,
    arrivals::{Announcement, ReceiptView},
    places,
};
use sizao_model::{DivisionCode, Instant, division::DivisionLevel, identity::DocumentKind};

use super::{Answer, Wrong, beside, on_to, page, page_with, wrong};
use crate::{
    context::{Asked, Ctx},
    doors::Peer,
    form::{Fields, Open},
    lang::Lang,
    state::Shared,
    view::Chrome,
};

/// Announcements from one address within an hour: a family behind one router, a guide with a coach.
const OF_AN_ADDRESS_MAX: u32 = 60;
/// Addresses remembered.
const ADDRESSES_MAX: usize = 20_000;

/// Counts requests by address within the hour; in memory alone.
#[derive(Default)]
pub(crate) struct RateGate(Mutex<(i64, HashMap<std::net::IpAddr, u32>)>);

impl RateGate {
    /// Counts one more; whether it is within the limit.
    pub(crate) fn lets(&self, address: Option<std::net::IpAddr>, now: Instant) -> bool {
        let Some(address) = address else { return true };
        let hour = now.as_micros().div_euclid(3_600_000_000);
        let mut counted = self.0.lock().expect("no thread panics with it");
        if counted.0 != hour {
            *counted = (hour, HashMap::new());
        }
        if counted.1.len() >= ADDRESSES_MAX && !counted.1.contains_key(&address) {
            return false;
        }
        let count = counted.1.entry(address).or_default();
        *count += 1;
        *count <= OF_AN_ADDRESS_MAX
    }
}

/// The form of an announcement.
#[derive(Template)]
#[template(path = "announce.html")]
pub(crate) struct FormOf {
    c: Chrome,
    form: Announcement,
    wrong: Option<Wrong>,
    staff: bool,
    action: &'static str,
    key: String,
    kinds: Vec<&'static str>,
    origins: Vec<(String, String)>,
    places: Vec<(String, Vec<(String, String)>)>,
}

impl FormOf {
    fn new(c: Chrome, form: Announcement, wrong: Option<Wrong>, within: DivisionCode, key: String) -> Self {
        let origins = origins(&c);
        let places = counties(&c, within);
        let kinds = DocumentKind::ALL.map(DocumentKind::name).into_iter().filter(|kind| *kind != "temporary_identity");
        Self { c, form, wrong, staff: false, action: "/arrive", key, kinds: kinds.collect(), origins, places }
    }

    /// The same for staff.
    pub(crate) fn staff(c: Chrome, ctx: &Ctx, form: Announcement, wrong: Option<Wrong>) -> Self {
        let within = ctx.actor.division.at(DivisionLevel::County).or(ctx.actor.division.at(DivisionLevel::City));
        let within = within.unwrap_or(ctx.actor.division);
        Self { staff: true, action: "/arrivals/new", ..Self::new(c, form, wrong, within, String::new()) }
    }

    fn said(&self, field: &str) -> &str {
        let form = &self.form;
        match field {
            "by" => &form.by,
            "name" => &form.name,
            "document_kind" => &form.document_kind,
            "document" => &form.document,
            "birth_on" => &form.birth_on,
            "phone" => &form.phone,
            "proxy_document" => &form.proxy_document,
            "from" => &form.from,
            "into" => &form.into,
            "arrives_at" => &form.arrives_at,
            "leaves_at" => &form.leaves_at,
            "transit" => &form.transit,
            "here" => &form.here,
            _ => "",
        }
    }

    fn was(&self, field: &str, value: &str) -> bool {
        match (field, self.said(field)) {
            ("by", "") => value == "own",
            (_, said) => said == value,
        }
    }

    fn beside(&self, field: &str) -> Option<&str> {
        beside(&self.wrong, field)
    }
}

/// Provinces and abroad, by their codes.
pub(crate) fn origins(c: &Chrome) -> Vec<(String, String)> {
    let provinces = places::under(None).filter(|(code, _)| code.to_string().len() == 2);
    let named = provinces.map(|(code, name)| match c.lang {
        Lang::Zh => (code.to_string(), name.to_owned()),
        Lang::En => (code.to_string(), c.word("province", &code.to_string())),
    });
    named.chain([("abroad".to_owned(), c.t("ann-abroad"))]).collect()
}

/// Counties by city.
fn counties(c: &Chrome, within: DivisionCode) -> Vec<(String, Vec<(String, String)>)> {
    let mut cities: Vec<(String, Vec<(String, String)>)> = Vec::new();
    let mut last = None;
    for (code, _) in places::under(Some(within)).filter(|(code, _)| code.to_string().len() == 6) {
        let city = code.at(DivisionLevel::City).unwrap_or(code);
        if last != Some(city) {
            cities.push((c.place(&city), Vec::new()));
            last = Some(city);
        }
        if let Some((_, counties)) = cities.last_mut() {
            counties.push((code.to_string(), c.place(&code)));
        }
    }
    cities
}

/// The fields as an announcement.
pub(crate) fn announcement(fields: &Fields) -> Announcement {
    Announcement {
        by: fields.text("by"),
        name: fields.text("name"),
        document_kind: fields.text("document_kind"),
        document: fields.text("document"),
        birth_on: fields.text("birth_on"),
        phone: fields.text("phone"),
        proxy_document: fields.text("proxy_document"),
        from: fields.text("from"),
        into: fields.text("into"),
        arrives_at: fields.text("arrives_at"),
        leaves_at: fields.text("leaves_at"),
        transit: fields.text("transit"),
        here: fields.text("here"),
    }
}

/// The form.
pub(crate) async fn form(State(shared): State<Arc<Shared>>, Extension(asked): Extension<Asked>) -> Answer {
    let key = sizao_app::new_id(shared.now()).to_string();
    page(&FormOf::new(Chrome::open(&asked), Announcement::default(), None, DivisionCode::HENAN, key))
}

/// Takes an announcement.
pub(crate) async fn take(
    State(shared): State<Arc<Shared>>,
    Extension(asked): Extension<Asked>,
    peer: Option<Extension<ConnectInfo<Peer>>>,
    Open(fields): Open,
) -> Answer {
    if !shared.announcing.lets(peer.map(|Extension(ConnectInfo(Peer(address)))| address.ip()), shared.now()) {
        return Err(Refusal::Busy.into());
    }
    let form = announcement(&fields);
    let key = match uuid::Uuid::try_parse(fields.get("client_key")) {
        Ok(key) => key.to_string(),
        Err(_) => sizao_app::new_id(shared.now()).to_string(),
    };
    match shared.app.announce(&form, &key).await {
        Ok(announced) => on_to(&format!("/arrive/{}", shared.app.receipt_of(announced.fact))),
        Err(error) => {
            let wrong = wrong(error, asked.lang)?;
            let page = FormOf::new(Chrome::open(&asked), form, Some(wrong), DivisionCode::HENAN, key);
            page_with(StatusCode::UNPROCESSABLE_ENTITY, &page)
        }
    }
}

#[derive(Template)]
#[template(path = "receipt.html")]
struct ReceiptTemplate {
    c: Chrome,
    view: ReceiptView,
    from: String,
    word: String,
    wrong: Option<Wrong>,
}

async fn receipt_page(shared: &Shared, asked: &Asked, word: String, wrong: Option<Wrong>) -> Answer {
    let view = shared.app.view_receipt(&word).await?;
    let c = Chrome::open(asked);
    let named = origins(&c).into_iter().find(|(code, _)| *code == view.from).map(|(_, name)| name);
    let from = named.or_else(|| DivisionCode::parse(&view.from).ok().map(|division| c.place(&division)));
    let from = from.unwrap_or_else(|| view.from.clone());
    let status = if wrong.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    page_with(status, &ReceiptTemplate { c, view, from, word, wrong })
}

/// The receipt.
pub(crate) async fn receipt(
    State(shared): State<Arc<Shared>>,
    Extension(asked): Extension<Asked>,
    Path(word): Path<String>,
) -> Answer {
    receipt_page(&shared, &asked, word, None).await
}

/// "I have arrived".
pub(crate) async fn arrived(
    State(shared): State<Arc<Shared>>,
    Extension(asked): Extension<Asked>,
    Path(word): Path<String>,
) -> Answer {
    match shared.app.say_arrived(&word).await {
        Ok(_) => on_to(&format!("/arrive/{word}")),
        Err(error) => {
            let wrong = wrong(error, asked.lang)?;
            receipt_page(&shared, &asked, word, Some(wrong)).await
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_announces_so_many_within_an_hour_and_others_are_not_concerned() {
        let gate = RateGate::default();
        let at = |minute: i64| Instant::from_micros(1_647_478_800_000_000 + minute * 60_000_000);
        let address = |last| Some(std::net::IpAddr::from([10, 0, 0, last]));
        let let_in = (0..80).filter(|_| gate.lets(address(1), at(1))).count();
        assert_eq!(let_in as u32, OF_AN_ADDRESS_MAX);
        assert!(gate.lets(address(2), at(2)));
        assert!(gate.lets(address(1), at(61)), "the next hour");
    }
}
