//! What all pages have: bar, texts, times and numbers as people read them.

use std::borrow::{Borrow, Cow};

use askama::Template;
use sizao_app::{
    Refusal,
    authorization::{Action, purposes},
    identity::Role,
    places,
    sentinels::{Capability, DutyClock, KINDS, Part, SiteScore, SiteView, Standing, drug_words, kind_name},
    signals::Reproduction,
};
use sizao_model::{CivilDay, DivisionCode, Instant, fact::SentinelKind};

use crate::{
    assets,
    context::{Asked, Ctx},
    lang::{self, Lang},
};

/// Frame of a page.
pub(crate) struct Chrome {
    pub(crate) lang: Lang,
    pub(crate) address: String,
    pub(crate) request: String,
    pub(crate) csrf: String,
    pub(crate) who: Option<Who>,
    pub(crate) tabs: Vec<Tab>,
    pub(crate) demo: bool,
    pub(crate) finds: bool,
    /// The page has forms that work without a network: their outbox is that of this account.
    pub(crate) keeps: bool,
    pub(crate) account: String,
    pub(crate) assets: &'static str,
}

/// Who is signed in, for the bar.
pub(crate) struct Who {
    pub(crate) name: String,
    pub(crate) unit: String,
    pub(crate) role: String,
}

/// A tab of the bar.
pub(crate) struct Tab {
    pub(crate) href: &'static str,
    pub(crate) label: String,
    pub(crate) current: bool,
}

/// Pages by the right that opens them, in the order of the tabs.
const TABS: &[(Action, &str, &str)] = &[
    (Action::ReportSentinel, "/sentinel", "tab-sentinel"),
    (Action::RunLab, "/lab", "tab-lab"),
    (Action::ViewBoard, "/board", "tab-board"),
    (Action::ViewLoops, "/loops", "tab-loops"),
    (Action::EnterSteps, "/visits", "tab-visits"),
    (Action::TakeSamples, "/sampling", "tab-sampling"),
    (Action::WorkCheckpoint, "/checkpoint", "tab-checkpoint"),
    (Action::DecideAppeals, "/appeals", "tab-appeals"),
    (Action::TraceCases, "/cases", "tab-cases"),
    (Action::ListPeople, "/people", "tab-people"),
    (Action::ViewSignals, "/signals", "tab-signals"),
    (Action::ViewArrivals, "/arrivals", "tab-arrivals"),
    (Action::ViewSentinels, "/sentinels", "tab-sentinels"),
    (Action::ViewAssists, "/assists", "tab-assists"),
    (Action::FollowPools, "/pools", "tab-pools"),
    (Action::ViewScreening, "/screening", "tab-screening"),
    (Action::PlanRounds, "/plans", "tab-plans"),
    (Action::ViewCheckpoints, "/checkpoints", "cp-board"),
    (Action::Import, "/imports", "tab-imports"),
    (Action::ViewPacks, "/packs", "tab-packs"),
    (Action::KeepPlaces, "/places", "tab-places"),
    (Action::ManageAccounts, "/accounts", "tab-accounts"),
    (Action::ViewAccess, "/audit", "tab-audit"),
    (Action::ConfirmBatches, "/batches", "tab-batches"),
    (Action::WatchProposals, "/watch", "tab-watch"),
    (Action::ViewMandates, "/mandates", "tab-mandates"),
    (Action::CheckPasses, "/certificates", "certificates-title"),
    (Action::ViewOperation, "/operation", "tab-operation"),
];

/// The first page of a role.
pub(crate) fn home(role: Role) -> &'static str {
    let open = TABS.iter().find(|(action, ..)| !purposes(role, *action).is_empty());
    open.map_or("/me", |(_, href, _)| href)
}

/// Tabs that stand side by side; more do not fit a small desk, and nobody reads them. The rest opens from a menu.
const TABS_SIDE_BY_SIDE: usize = 5;

impl Chrome {
    pub(crate) fn first_tabs(&self) -> &[Tab] {
        &self.tabs[..self.tabs.len().min(TABS_SIDE_BY_SIDE)]
    }

    pub(crate) fn more_tabs(&self) -> &[Tab] {
        &self.tabs[self.first_tabs().len()..]
    }

    /// The page that is open, if its tab is in the menu.
    pub(crate) fn more_current(&self) -> Option<&Tab> {
        self.more_tabs().iter().find(|tab| tab.current)
    }

    pub(crate) fn open(asked: &Asked) -> Self {
        Self {
            lang: asked.lang,
            address: asked.address.clone(),
            request: asked.request.clone(),
            csrf: String::new(),
            who: None,
            tabs: Vec::new(),
            demo: false,
            finds: false,
            keeps: false,
            account: String::new(),
            assets: assets::version(),
        }
    }

    pub(crate) fn of(ctx: &Ctx) -> Self {
        let (lang, role) = (ctx.asked.lang, ctx.actor.role);
        let path = ctx.asked.address.split('?').next().unwrap_or_default();
        let own = TABS.iter().filter(|(action, ..)| !purposes(role, *action).is_empty());
        let tab = |(_, href, key): &(Action, &'static str, &str)| Tab {
            href,
            label: lang::text(lang, key, &[]),
            current: path.strip_prefix(href).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')),
        };
        Self {
            csrf: ctx.csrf.clone(),
            who: Some(Who {
                name: ctx.actor.name.clone(),
                unit: ctx.actor.unit_name.clone(),
                role: lang::text(lang, &format!("role-{}", role.name()), &[]),
            }),
            tabs: own.map(tab).collect(),
            demo: ctx.app().store().kind().has_simulated_clock(),
            finds: !purposes(role, Action::ListPeople).is_empty(),
            account: ctx.actor.account.to_string(),
            ..Self::open(&ctx.asked)
        }
    }

    /// The same for a page with forms that work without a network.
    pub(crate) fn keeping(ctx: &Ctx) -> Self {
        Self { keeps: true, ..Self::of(ctx) }
    }

    /// A text.
    pub(crate) fn t(&self, key: &str) -> String {
        lang::text(self.lang, key, &[])
    }

    /// A text with a value.
    pub(crate) fn t1(&self, key: &str, name: &str, value: impl ToString) -> String {
        lang::text(self.lang, key, &[(name, Cow::Owned(value.to_string()))])
    }

    /// A text with two values.
    pub(crate) fn t2(&self, key: &str, one: (&str, &str), two: (&str, &str)) -> String {
        lang::text(self.lang, key, &[(one.0, Cow::Borrowed(one.1)), (two.0, Cow::Borrowed(two.1))])
    }

    /// A text whose key is put together: `role-` and `auditor`.
    pub(crate) fn word(&self, kind: &str, name: &str) -> String {
        lang::text(self.lang, &format!("{kind}-{name}"), &[])
    }

    /// A text with a number that chooses the plural.
    pub(crate) fn n(&self, key: &str, count: impl Borrow<u64>) -> String {
        let count = count.borrow();
        lang::text(self.lang, key, &[("n", Cow::Owned(count.to_string())), ("shown", Cow::Owned(number(count)))])
    }

    /// A number with its sign, without decimals.
    pub(crate) fn signed(&self, value: impl Num) -> String {
        let value = value.num().round();
        if value > 0.0 { format!("+{value}") } else { format!("{:.0}", value + 0.0) }
    }

    /// A number without decimals.
    pub(crate) fn whole(&self, value: impl Num) -> String {
        format!("{:.0}", value.num())
    }

    /// A number with two decimals.
    pub(crate) fn decimal(&self, value: impl Num) -> String {
        format!("{:.2}", value.num())
    }

    /// A number given in thousandths, without decimals; one below ten with one.
    pub(crate) fn milli(&self, value: impl Num) -> String {
        let value = value.num() / 1_000.0;
        if value < 10.0 { format!("{value:.1}") } else { number(&(value.round().max(0.0) as u64)) }
    }

    /// A probability given in millionths, in percent.
    pub(crate) fn percent(&self, millionths: impl Num) -> String {
        format!("{:.0}%", millionths.num() / 10_000.0)
    }

    /// The parts of a score, in their order.
    pub(crate) fn parts(&self, score: &SiteScore) -> Vec<Part> {
        vec![score.timeliness, score.completeness, score.validity]
    }

    /// The kinds of report that a site makes or made lately: the places of their sums in a day, and their words.
    pub(crate) fn site_kinds(&self, view: &SiteView) -> Vec<(usize, &'static str)> {
        let may = |kind| Capability::for_kind(kind).iter().any(|one| one.is_in(view.institution.capabilities));
        let made = |place: usize| view.days.iter().any(|day| day.counts[place] > 0);
        let kinds = KINDS.into_iter().enumerate().filter(|(_, kind)| *kind != SentinelKind::Zero);
        kinds.filter(|(place, kind)| may(*kind) || made(*place)).map(|(place, kind)| (place, kind_name(kind))).collect()
    }

    /// A part of a score: so many of so many.
    pub(crate) fn part(&self, part: &Part) -> String {
        self.t2("sen-of", ("good", &part.good.to_string()), ("of", &part.of.to_string()))
    }

    /// Of which days and cases a reproduction number speaks.
    pub(crate) fn r_told(&self, r: &Reproduction) -> String {
        self.t2("sig-r-told", ("day", &self.on(&r.on)), ("n", &self.whole(r.cases)))
    }

    /// The end of a clock.
    pub(crate) fn due(&self, clock: &DutyClock) -> String {
        self.at(&clock.due_at())
    }

    /// The word of a kind of report.
    pub(crate) fn kind(&self, kind: &SentinelKind) -> String {
        self.word("sen-kind", kind_name(*kind))
    }

    /// The words of the kinds of drugs in a set of bits.
    pub(crate) fn drugs(&self, bits: &i64) -> String {
        let words: Vec<String> = drug_words(bits).into_iter().map(|word| self.word("sen-drug", word)).collect();
        words.join(" ")
    }

    /// How a duty stands, in words.
    pub(crate) fn standing(&self, standing: &Standing) -> String {
        match *standing {
            Standing::Kept { took } => self.t1("sen-kept", "m", took),
            Standing::DoneLate { late } => self.t1("sen-late", "m", late),
            Standing::Overdue { late } => self.t1("sen-overdue", "m", late),
            Standing::Running { left } => self.t1("sen-left", "m", left),
        }
    }

    /// A moment.
    pub(crate) fn at(&self, instant: &Instant) -> String {
        moment(self.lang, *instant)
    }

    /// A day.
    pub(crate) fn on(&self, day: &CivilDay) -> String {
        self::day(self.lang, *day)
    }

    /// A month, by one of its days.
    pub(crate) fn month(&self, day: &CivilDay) -> String {
        let (year, month, _) = day.ymd();
        match self.lang {
            Lang::Zh => format!("{year}年{month}月"),
            Lang::En => format!("{} {year}", MONTHS[usize::from(month as u8 - 1)]),
        }
    }

    /// Name of a division, with its code where that is all there is.
    pub(crate) fn place(&self, division: &DivisionCode) -> String {
        place(self.lang, *division)
    }
}

/// A number, behind any number of references: templates lend what they have.
pub(crate) trait Num {
    fn num(&self) -> f64;
}

impl Num for f64 {
    fn num(&self) -> f64 {
        *self
    }
}

impl Num for i64 {
    fn num(&self) -> f64 {
        *self as f64
    }
}

impl<T: Num> Num for &T {
    fn num(&self) -> f64 {
        (**self).num()
    }
}

/// Name of a division in a language; outside the map English has the Chinese name.
pub(crate) fn place(lang: Lang, division: DivisionCode) -> String {
    let known = match lang {
        Lang::Zh => places::name(division).map(str::to_owned),
        Lang::En => crate::map::english(division).or_else(|| places::name(division).map(str::to_owned)),
    };
    known.unwrap_or_else(|| division.to_string())
}

/// With separators between thousands.
pub(crate) fn number(count: &u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// `3月26日`, `26 March`.
pub(crate) fn day(lang: Lang, day: CivilDay) -> String {
    let (_, month, date) = day.ymd();
    match lang {
        Lang::Zh => format!("{month}月{date}日"),
        Lang::En => format!("{date} {}", MONTHS[usize::from(month as u8 - 1)]),
    }
}

/// `3月26日 00:00`, in Asia/Shanghai.
pub(crate) fn moment(lang: Lang, at: Instant) -> String {
    let (hour, minute) = clock(at);
    format!("{} {hour:02}:{minute:02}", day(lang, at.day()))
}

/// Hour and minute in Asia/Shanghai.
pub(crate) fn clock(at: Instant) -> (i64, i64) {
    let minutes = (at.as_micros().div_euclid(60_000_000) + 8 * 60).rem_euclid(24 * 60);
    (minutes / 60, minutes % 60)
}

/// Where to sign in, and to come back from there.
pub(crate) fn sign_in_address(address: &str) -> String {
    let back: String = address
        .bytes()
        .map(|b| {
            if b.is_ascii_alphanumeric() || b"/-_.".contains(&b) {
                char::from(b).to_string()
            } else {
                format!("%{b:02X}")
            }
        })
        .collect();
    if back == "/" { "/sign-in".to_owned() } else { format!("/sign-in?back={back}") }
}

/// An address of ours; anything else becomes the first page.
pub(crate) fn own_address(text: &str) -> &str {
    let bytes = text.as_bytes();
    let is_own = bytes.first() == Some(&b'/')
        && !matches!(bytes.get(1), Some(b'/' | b'\\'))
        && bytes.len() < 1_000
        && bytes.iter().all(|b| b.is_ascii_graphic() && *b != b'\\');
    if is_own { text } else { "/" }
}

/// What a refusal says in a language.
pub(crate) fn refusal_text(lang: Lang, refusal: &Refusal) -> String {
    let key = format!("refusal-{}", refusal.code());
    match refusal {
        Refusal::Field { rule, .. } => lang::text(lang, &format!("rule-{rule}"), &[]),
        Refusal::Locked { until } => lang::text(lang, &key, &[("until", moment(lang, *until).into())]),
        Refusal::NoMandate { collection, area } => {
            let collection = lang::text(lang, &format!("collection-{collection}"), &[]);
            lang::text(lang, &key, &[("collection", collection.into()), ("area", place(lang, *area).into())])
        }
        Refusal::NotAllowed { action, .. } | Refusal::OutOfScope { action } => {
            let action = lang::text(lang, &format!("action-{}", action.name()), &[]);
            lang::text(lang, &key, &[("action", action.into())])
        }
        _ => lang::text(lang, &key, &[]),
    }
}

/// Title of a failure.
pub(crate) fn failure_title(lang: Lang, code: &str) -> String {
    lang::text(lang, &format!("failure-{code}"), &[])
}

#[derive(Template)]
#[template(path = "failure.html")]
struct FailurePage {
    c: Chrome,
    title: String,
    told: Option<String>,
}

/// The page of a failure.
pub(crate) fn failure_page(asked: &Asked, code: &str, told: Option<String>) -> String {
    let page = FailurePage { c: Chrome::open(asked), title: failure_title(asked.lang, code), told };
    page.render().unwrap_or_else(|_| page.title.clone())
}
