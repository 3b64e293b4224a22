//! Requests between cities: the board with its clocks, one request with its lines, a new one, challenges.

use askama::Template;
use axum::{
    extract::{Path, Query},
    http::StatusCode,
};
use serde::Deserialize;
use sizao_app::{
    AppError, Refusal,
    assists::{
        AssistBoard, AssistClears, AssistIdentity, AssistLineView, AssistSummary, AssistView, ChallengeView, Countdown,
        Elsewhere, LineState, NewAssist, NewChallenge, NewLine, NewReply,
    },
    authorization::{Action, purposes},
    loops::Urgency,
};
use sizao_model::{
    Measure, MeasureKind, PersonId,
    assist::{AssistOutcome, Priority, RequestId, Tried},
    fact::EvidenceGrade,
};
use uuid::Uuid;

use super::{Answer, Wrong, beside, on_to, page, page_with, wrong};
use crate::{context::Ctx, form::Sent, view::Chrome};

/// Measures that a reply may name.
const MEASURES: [MeasureKind; 5] = [
    MeasureKind::CentralIsolation,
    MeasureKind::HomeIsolation,
    MeasureKind::HomeMonitoring,
    MeasureKind::CaseIsolation,
    MeasureKind::FollowUp,
];

#[derive(Template)]
#[template(path = "assists.html")]
struct BoardPage {
    c: Chrome,
    board: AssistBoard,
    may_send: bool,
    may_answer: bool,
}

#[derive(Template)]
#[template(path = "assist.html")]
struct RequestPage {
    c: Chrome,
    view: AssistView,
    chosen: Option<AssistLineView>,
    may_answer: bool,
    identity: Option<AssistIdentity>,
    /// What was entered and has to be mended.
    entered: NewReply,
    wrong: Option<Wrong>,
}

#[derive(Template)]
#[template(path = "assist_new.html")]
struct NewPage {
    c: Chrome,
    case: Option<(Uuid, String)>,
    groups: Vec<(Option<Uuid>, String, Vec<Elsewhere>)>,
    /// What restricts the person now, and whom it can be asked of.
    measures: Vec<Measure>,
    peers: Vec<(Uuid, String)>,
    wrong: Option<Wrong>,
}

/// What the three templates show alike.
trait Shows {
    fn chrome(&self) -> &Chrome;

    /// Bar of six hours with ticks at three and five, and the time left; never seconds.
    fn clock(&self, clock: &Countdown) -> String {
        let c = self.chrome();
        let (kind, urgent) = match clock.urgency {
            Urgency::Calm => ("calm", ""),
            Urgency::Reminded => ("soon", "idle"),
            Urgency::Escalated => ("warn", "warn"),
            Urgency::Overdue => ("bad", "bad"),
        };
        let left = clock.minutes_left.abs();
        let time = format!("{}:{:02}", left / 60, left % 60);
        let words = match clock.urgency {
            Urgency::Overdue => c.t1("assist-over", "time", &time),
            _ => c.t1("assist-left", "time", &time),
        };
        let shown = if clock.urgency == Urgency::Overdue { &words } else { &time };
        let label = if urgent.is_empty() {
            format!("<b class=\"num\">{shown}</b>")
        } else {
            format!("<span class=\"st {urgent}\">{shown}</span>")
        };
        let width = clock.part * 120 / 1_000;
        format!(
            "<span class=\"cd\"><svg viewBox=\"0 0 120 12\" role=\"img\" aria-label=\"{words}\"><rect class=\"bar-bg\" \
             width=\"120\" height=\"12\"/><rect class=\"cd-{kind}\" width=\"{width}\" height=\"12\"/><path class=\"cd-tick\" \
             d=\"M60 0v12M100 0v12\"/></svg>{label}</span>"
        )
    }

    /// How much of a list carries one of the four.
    fn share(&self, count: impl std::borrow::Borrow<u64>, clears: &AssistClears) -> String {
        (count.borrow() * 100).checked_div(clears.total).map_or_else(|| "–".to_owned(), |share| format!("{share}%"))
    }

    /// The outcomes with how many lines ended so.
    fn ends(&self, clears: &AssistClears) -> Vec<(&'static str, u64)> {
        AssistOutcome::ALL.into_iter().map(|outcome| (outcome.name(), clears.of(outcome))).collect()
    }
}

macro_rules! shows {
    ($($page:ident),*) => { $(impl Shows for $page {
        fn chrome(&self) -> &Chrome {
            &self.c
        }
    })* };
}
shows!(BoardPage, RequestPage, NewPage);

impl BoardPage {
    /// Who asks whom, as a word.
    fn way(&self, one: &AssistSummary) -> &'static str {
        if one.ours { "assist-ours" } else { "assist-theirs" }
    }

    fn sentence(&self) -> String {
        let late =
            self.board.open.iter().filter(|one| one.countdown.is_some_and(|clock| clock.urgency == Urgency::Overdue));
        let late = late.count().to_string();
        self.c.t2("assist-sentence", ("open", &self.board.open.len().to_string()), ("late", &late))
    }

    fn has_silent(&self, one: &ChallengeView) -> bool {
        one.ours && matches!(one.state.name(), "silent" | "lifted")
    }
}

impl RequestPage {
    fn beside(&self, field: &str) -> Option<&str> {
        beside(&self.wrong, field)
    }

    fn is_chosen(&self, line: &AssistLineView) -> bool {
        self.chosen.as_ref().is_some_and(|chosen| chosen.line.no == line.line.no)
    }

    fn outcomes(&self) -> Vec<&'static str> {
        let onward = !self.view.peers.is_empty();
        let all = AssistOutcome::ALL.into_iter().filter(|outcome| onward || *outcome != AssistOutcome::MovedOn);
        all.map(AssistOutcome::name).collect()
    }

    fn tried(&self) -> Vec<&'static str> {
        Tried::ALL.into_iter().map(Tried::name).collect()
    }

    fn measures(&self) -> Vec<&'static str> {
        MEASURES.into_iter().map(MeasureKind::name).collect()
    }

    fn class(&self, line: &AssistLineView) -> String {
        use sizao_model::ContactClass as Class;
        let word = match line.said.class {
            Some(Class::CloseContact) => "close",
            Some(Class::SecondaryContact) => "secondary",
            Some(Class::GeneralContact) => "general",
            Some(Class::SpacetimeCompanion) => "companion",
            None => "none",
        };
        self.c.word("assist-class", word)
    }

    fn evidence(&self, line: &AssistLineView) -> &'static str {
        match line.said.evidence.grade() {
            EvidenceGrade::Evidence => "evidence",
            EvidenceGrade::Lead => "lead",
            EvidenceGrade::Question => "question",
        }
    }

    /// Taken on, or past that.
    fn is_accepted(&self, line: &AssistLineView) -> bool {
        line.line.accepted_at.is_some() || !line.line.is_open()
    }

    /// The beginning of the log's digest: equal on both sides when both have everything.
    fn digest(&self) -> &str {
        &self.view.log_digest[..8]
    }

    fn is_entered(&self, field: &str, word: &str) -> bool {
        match field {
            "outcome" => self.entered.outcome == word,
            "measure" => self.entered.measure == word,
            "identified" => self.entered.identified == word,
            _ => self.entered.tried.iter().any(|tried| tried == word),
        }
    }

    /// What a line of the log says beside its word: version and lines, or which line and how it ended.
    fn told(&self, word: &str, told: &str) -> String {
        let (c, (first, rest)) = (&self.c, told.split_once(' ').unwrap_or((told, "")));
        let line = |words: String| format!("{} · {words}", c.t1("assist-line", "no", first));
        match word {
            _ if first.is_empty() => String::new(),
            "list" => format!("{} · {}", c.t1("assist-version", "n", first), c.t1("assist-log-lines", "n", rest)),
            "received" | "seen" | "accepted" => c.t1("assist-version", "n", first),
            "replies" | "onward" if !rest.is_empty() => line(c.word("assist-end", rest)),
            "breached" if !rest.is_empty() => line(c.word("cause", rest)),
            "replies" | "breached" => c.t1("assist-log-lines", "n", first),
            _ => String::new(),
        }
    }

    /// How the state of a line looks.
    fn look(&self, line: &AssistLineView) -> &'static str {
        match line.line.state() {
            LineState::Final(AssistOutcome::NotFound | AssistOutcome::WrongData) => "warn",
            LineState::Final(_) => "ok",
            LineState::Accepted => "info",
            _ => "idle",
        }
    }

    fn age(&self) -> Option<String> {
        let from = self.view.summary.age_from?;
        let until = self.view.summary.closed_at.unwrap_or(self.view.at);
        let minutes = (until.as_micros() - from.as_micros()).max(0) / 60_000_000;
        Some(format!("{}:{:02}", minutes / 60, minutes % 60))
    }
}

impl NewPage {
    fn beside(&self, field: &str) -> Option<&str> {
        beside(&self.wrong, field)
    }
}

/// The board.
pub(crate) async fn board(ctx: Ctx) -> Answer {
    let board = ctx.app().assist_board(&ctx.actor).await?;
    let may = |action| !purposes(ctx.actor.role, action).is_empty();
    let (may_send, may_answer) = (may(Action::SendAssists), may(Action::AnswerAssists));
    page(&BoardPage { c: Chrome::of(&ctx), board, may_send, may_answer })
}

#[derive(Deserialize)]
pub(crate) struct Which {
    #[serde(default)]
    after: String,
    #[serde(default)]
    line: String,
}

/// One request. An officer of the city that is asked has seen it by this.
pub(crate) async fn show(ctx: Ctx, Path(id): Path<Uuid>, Query(which): Query<Which>) -> Answer {
    let (after, line) = (which.after.parse().unwrap_or(0), which.line.parse().ok());
    shown(&ctx, RequestId::new(id), (after, line), None, NewReply::default(), None).await
}

async fn shown(
    ctx: &Ctx,
    id: RequestId,
    (after, line): (u32, Option<u32>),
    identity: Option<AssistIdentity>,
    entered: NewReply,
    wrong: Option<Wrong>,
) -> Answer {
    let may_answer = !purposes(ctx.actor.role, Action::AnswerAssists).is_empty();
    let mut view = ctx.app().view_assist(&ctx.actor, id, after).await?;
    if may_answer && !view.summary.ours {
        ctx.app().see_assist(&ctx.actor, id).await?;
        view = ctx.app().view_assist(&ctx.actor, id, after).await?;
    }
    let chosen = match line {
        Some(no) => view.lines.iter().find(|one| one.line.no == no),
        // What is due first is next.
        None => {
            let open = view.lines.iter().filter(|one| one.line.is_open());
            open.min_by_key(|one| (one.countdown.map_or(i64::MAX, |clock| clock.due_at.as_micros()), one.line.no))
        }
    };
    let chosen = chosen.cloned();
    let may_answer = may_answer && !view.summary.ours;
    let status = if wrong.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    page_with(status, &RequestPage { c: Chrome::of(ctx), view, chosen, may_answer, identity, entered, wrong })
}

/// Takes it on.
pub(crate) async fn accept(Path(id): Path<Uuid>, Sent(ctx, _): Sent) -> Answer {
    ctx.app().accept_assist(&ctx.actor, RequestId::new(id), ctx.wall()).await?;
    on_to(&format!("/assists/{id}"))
}

/// Replies to a line; the next open one is shown then.
pub(crate) async fn reply(Path(id): Path<Uuid>, Sent(ctx, fields): Sent) -> Answer {
    let request = RequestId::new(id);
    let (no, version) = (fields.get("no").parse().unwrap_or(0), fields.get("version").parse().unwrap_or(0));
    let new = NewReply {
        outcome: fields.text("outcome"),
        identified: fields.text("identified"),
        place: fields.text("place"),
        measure: fields.text("measure"),
        words: fields.text("words"),
        tried: fields.all("tried").map(str::to_owned).collect(),
        to: fields.text("to"),
    };
    match ctx.app().reply_assist(&ctx.actor, request, (no, version), &new, ctx.wall()).await {
        Ok(_) => on_to(&format!("/assists/{id}")),
        Err(error) => {
            let told = wrong(error, ctx.asked.lang)?;
            shown(&ctx, request, (no.max(1) - 1, Some(no)), None, new, Some(told)).await
        }
    }
}

/// Opens who a line means, for a reason.
pub(crate) async fn identity(Path(id): Path<Uuid>, Sent(ctx, fields): Sent) -> Answer {
    let request = RequestId::new(id);
    let no: u32 = fields.get("no").parse().unwrap_or(0);
    match ctx.app().open_assist_identity(&ctx.actor, request, no, fields.get("reason"), ctx.wall()).await {
        Ok(identity) => {
            shown(&ctx, request, (no.max(1) - 1, Some(no)), Some(identity), NewReply::default(), None).await
        }
        Err(error) => {
            let told = wrong(error, ctx.asked.lang)?;
            shown(&ctx, request, (no.max(1) - 1, Some(no)), None, NewReply::default(), Some(told)).await
        }
    }
}

#[derive(Deserialize)]
pub(crate) struct Of {
    #[serde(default)]
    case: String,
}

/// A new request, from a case's contacts who live elsewhere.
pub(crate) async fn form(ctx: Ctx, Query(of): Query<Of>) -> Answer {
    new_page(&ctx, Uuid::try_parse(&of.case).ok(), None).await
}

async fn new_page(ctx: &Ctx, case: Option<Uuid>, wrong: Option<Wrong>) -> Answer {
    let mut groups: Vec<(Option<Uuid>, String, Vec<Elsewhere>)> = Vec::new();
    let (mut shown, mut measures, mut peers) = (None, Vec::new(), Vec::new());
    if let Some(id) = case {
        let person = PersonId::new(id);
        shown = Some((id, ctx.app().case_number(&ctx.actor, person).await?));
        measures = ctx.app().challengeable(&ctx.actor, person).await?;
        peers = ctx.app().open_peers().await?.into_iter().map(|peer| (peer.node, peer.name)).collect();
        for contact in ctx.app().contacts_elsewhere(&ctx.actor, person).await? {
            let peer = contact.peer.as_ref().map(|peer| peer.node);
            let name = contact.peer.as_ref().map_or(String::new(), |peer| peer.name.clone());
            match groups.iter_mut().find(|(of, ..)| *of == peer) {
                Some((.., people)) => people.push(contact),
                None => groups.push((peer, name, vec![contact])),
            }
        }
    }
    let status = if wrong.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    page_with(status, &NewPage { c: Chrome::of(ctx), case: shown, groups, measures, peers, wrong })
}

/// Sends it.
pub(crate) async fn send(Sent(ctx, fields): Sent) -> Answer {
    let case = Uuid::try_parse(fields.get("case")).ok();
    match sent(&ctx, &fields, case).await {
        Ok(id) => on_to(&format!("/assists/{id}")),
        Err(error) => {
            let told = wrong(error, ctx.asked.lang)?;
            new_page(&ctx, case, Some(told)).await
        }
    }
}

async fn sent(ctx: &Ctx, fields: &crate::form::Fields, case: Option<Uuid>) -> Result<RequestId, AppError> {
    ctx.app().may_ask(&ctx.actor).await?;
    let peer = Uuid::try_parse(fields.get("peer")).map_err(|_| Refusal::field("peer", "choose"))?;
    let case = PersonId::new(case.ok_or(Refusal::field("peer", "choose"))?);
    let chosen: Vec<&str> = fields.all("person").collect();
    let contacts = ctx.app().contacts_elsewhere(&ctx.actor, case).await?;
    let lines = contacts.into_iter().filter(|one| chosen.contains(&one.line.person.uuid().to_string().as_str()));
    let lines = lines.map(|one| NewLine {
        person: one.line.person,
        class: one.class,
        measure: None,
        evidence: one.evidence,
        last_exposure_on: one.last_exposure_on,
        exposure: Some(fields.text("exposure")).filter(|text| !text.trim().is_empty()),
    });
    let new = NewAssist {
        peer,
        case: Some(case),
        pack: "covid".to_owned(),
        reason: fields.text("reason"),
        priority: if fields.get("urgent").is_empty() { Priority::Ordinary } else { Priority::Urgent },
        phone: fields.text("phone"),
        lines: lines.collect(),
    };
    ctx.app().send_assist(&ctx.actor, &new, ctx.wall()).await
}

/// Questions a restriction that rests on another city's word.
pub(crate) async fn challenge(Sent(ctx, fields): Sent) -> Answer {
    let person = Uuid::try_parse(fields.get("person")).ok();
    match challenged(&ctx, &fields, person).await {
        Ok(()) => on_to("/assists#challenges"),
        Err(error) => {
            let told = wrong(error, ctx.asked.lang)?;
            new_page(&ctx, person, Some(told)).await
        }
    }
}

async fn challenged(ctx: &Ctx, fields: &crate::form::Fields, person: Option<Uuid>) -> Result<(), AppError> {
    ctx.app().may_ask(&ctx.actor).await?;
    let new = NewChallenge {
        peer: Uuid::try_parse(fields.get("peer")).map_err(|_| Refusal::field("peer", "choose"))?,
        person: PersonId::new(person.ok_or(Refusal::field("person", "choose"))?),
        rule: fields.text("rule"),
        reason: fields.text("reason"),
        phone: fields.text("phone"),
    };
    ctx.app().challenge_restriction(&ctx.actor, &new, ctx.wall()).await?;
    Ok(())
}

/// Answers one.
pub(crate) async fn answer(Path(id): Path<Uuid>, Sent(ctx, fields): Sent) -> Answer {
    let id = RequestId::new(id);
    ctx.app().answer_challenge(&ctx.actor, id, fields.get("stands"), fields.get("reason"), ctx.wall()).await?;
    on_to("/assists#challenges")
}

/// Takes the evidence back after silence.
pub(crate) async fn suspend(Path(id): Path<Uuid>, Sent(ctx, fields): Sent) -> Answer {
    ctx.app().suspend_challenged(&ctx.actor, RequestId::new(id), fields.get("reason"), ctx.wall()).await?;
    on_to("/assists#challenges")
}
