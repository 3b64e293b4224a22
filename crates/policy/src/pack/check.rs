//! From the file to a checked pack. Every fault is collected, so that one reading shows them all.

use std::{collections::BTreeMap, ops::Range, sync::Arc};

use sizao_model::{Colour, MeasureKind, Zone, measure::Swab};
use toml::Spanned;

use super::{
    AreaRule, ArrivalRule, CaseEnd, CaseRule, Frequency, Immunity, Notice, NumberNote, OfferRule, Outbreak,
    OutbreakEnd, Pack, PackError, PackFault, PackText, Phase, Planning, SecondaryRule, Special, Transport, TwoTests,
    Window,
    fault::place_of,
    format::{
        Effect, Mark, RawArea, RawArrival, RawCase, RawCaseEnd, RawImmunity, RawNotice, RawOffer, RawPack, RawPhase,
        RawSource, RawSpecial, RawTransport, RawTwoTests, RawWindow, Sourced, Text, WindowAnchor, WindowEnd,
    },
    quantity::{Counted, DAY, Quantity, TEST_DAYS, TwoTestsDays},
};

/// Reads and checks; all faults or the pack.
pub(super) fn read(PackText { folder, file, text }: &PackText) -> Result<Pack, Vec<PackError>> {
    let folder = folder.as_deref();
    let mut checker = Checker { folder, file, text, sources: BTreeMap::new(), numbers: Vec::new(), faults: Vec::new() };
    let raw: RawPack = match toml::from_str(text) {
        Ok(raw) => raw,
        Err(error) => {
            let span = error.span().unwrap_or(0..0);
            let told = in_words(error.message(), text.get(span.clone()).unwrap_or_default());
            checker.fault(span, PackFault::Format(told));
            return Err(checker.faults);
        }
    };
    let pack = checker.pack(raw);
    if checker.faults.is_empty() { Ok(pack) } else { Err(checker.faults) }
}

/// What the reader of the file format says, with the words that its usual mistakes need.
fn in_words(message: &str, at: &str) -> String {
    if at.starts_with('n') && message.contains("invalid float") {
        return "'null' is no value: leave the field out".to_owned();
    }
    if message.contains("expected a sequence") {
        return format!(
            "{message}: a list in brackets; test days are written {{ value = [1, 4], unit = \"day_of_isolation\", source = \"guide\" }}"
        );
    }
    message.to_owned()
}

struct Checker<'a> {
    folder: Option<&'a str>,
    file: &'a str,
    text: &'a str,
    sources: BTreeMap<String, RawSource>,
    numbers: Vec<NumberNote>,
    faults: Vec<PackError>,
}

impl Checker<'_> {
    fn pack(&mut self, mut raw: RawPack) -> Pack {
        self.sources = std::mem::take(&mut raw.sources);
        self.head(&raw);
        let texts = std::mem::take(&mut raw.texts);
        let colours = raw.colours;
        let pack = Pack {
            id: raw.id.get_ref().as_str().into(),
            disease: raw.disease.get_ref().as_str().into(),
            name: raw.name.get_ref().clone(),
            valid_from: raw.valid_from.get_ref().0.first(&Zone::SHANGHAI),
            valid_until: raw.valid_until.as_ref().map(|edge| edge.get_ref().0.first(&Zone::SHANGHAI)),
            supersedes: raw.supersedes.as_deref().map(Arc::from),
            overlay_of: raw.overlay_of.as_ref().map(|id| id.get_ref().as_str().into()),
            colours,
            grace_hours: self.optional(raw.grace_hours.as_ref(), "grace_hours").unwrap_or(24),
            max_extension_days: self.optional(raw.max_extension_days.as_ref(), "max_extension_days").unwrap_or(7)
                as i32,
            hold_hours: raw.hold_hours.as_ref().map(|number| self.number(number.get_ref(), "hold_hours")),
            window: raw.window.as_ref().map(|window| self.window(window)),
            close_contact: raw
                .close_contact
                .as_ref()
                .map(|rule| self.phases(&rule.get_ref().phases, "close_contact", rule.span())),
            secondary_contact: raw.secondary_contact.as_ref().map(|rule| SecondaryRule {
                phases: self.phases(&rule.get_ref().phases, "secondary_contact", rule.span()),
                follows_source: rule.get_ref().follows_source,
            }),
            case: raw.case.as_ref().map(|case| self.case(case)),
            inbound_traveller: raw
                .inbound_traveller
                .as_ref()
                .map(|rule| self.phases(&rule.get_ref().phases, "inbound_traveller", rule.span())),
            area: raw.area.as_ref().map(|area| self.area(area)),
            arrival: raw.arrival.as_ref().map(|arrival| self.arrival(arrival)),
            immunity: raw.immunity.as_ref().map(|immunity| self.immunity(immunity.get_ref())),
            offers: raw.offers.iter().enumerate().map(|(at, offer)| self.offer(offer, at, &raw)).collect(),
            special: raw.special.as_ref().map_or_else(Special::default, |special| self.special(special)),
            transport: raw.transport.as_ref().map_or_else(Transport::default, |transport| self.transport(transport)),
            notices: raw.notices.iter().filter_map(|notice| self.notice(notice)).collect(),
            planning: self.planning(&raw),
            texts: Vec::new(),
            numbers: Vec::new(),
        };
        let texts = self.texts(&pack, &raw, texts);
        Pack { texts, numbers: std::mem::take(&mut self.numbers), ..pack }
    }

    fn head(&mut self, raw: &RawPack) {
        if let Some(folder) = self.folder.filter(|folder| raw.id.get_ref() != folder) {
            let found = raw.id.get_ref().clone();
            self.fault(raw.id.span(), PackFault::OtherId { found, folder: folder.to_owned() });
        }
        if raw.name.get_ref().zh.trim().is_empty() || raw.name.get_ref().en.trim().is_empty() {
            self.fault(raw.name.span(), PackFault::MissingText("the pack's name".to_owned()));
        }
        if let Some(base) = raw.overlay_of.as_ref().filter(|base| base.get_ref() == raw.id.get_ref()) {
            self.fault(base.span(), PackFault::Circular(format!("{0} -> {0}", raw.id.get_ref())));
        }
        if let Some(until) = &raw.valid_until
            && until.get_ref().0.first(&Zone::SHANGHAI) <= raw.valid_from.get_ref().0.first(&Zone::SHANGHAI)
        {
            self.fault(until.span(), PackFault::EndsBeforeItBegins);
        }
        if !raw.colours {
            self.no_colours(raw);
        }
    }

    fn no_colours(&mut self, raw: &RawPack) {
        for (name, phases) in lists_of_phases(raw) {
            for phase in phases.iter().filter(|phase| phase.get_ref().colour.is_some()) {
                self.fault(phase.span(), PackFault::ColourWithoutColours(format!("a phase of {name}")));
            }
        }
        let of_case = raw.case.as_ref().map(|rule| ("case", rule.get_ref().colour, rule.span()));
        let of_arrival = raw.arrival.as_ref().map(|rule| ("arrival", rule.get_ref().colour, rule.span()));
        let same_county = raw.area.as_ref().and_then(|area| area.get_ref().same_county.as_ref());
        let of_county = same_county.map(|rule| ("area.same_county", rule.get_ref().colour, rule.span()));
        for (what, colour, span) in of_case.into_iter().chain(of_arrival).chain(of_county) {
            if colour.is_some() {
                self.fault(span, PackFault::ColourWithoutColours(what.to_owned()));
            }
        }
    }

    fn window(&mut self, raw: &Spanned<RawWindow>) -> Window {
        let window = raw.get_ref();
        let anchor = match window.anchor.get_ref().as_str() {
            "onset" => WindowAnchor::Onset,
            "onset_or_sampling" => WindowAnchor::OnsetOrSampling,
            other => {
                self.fault(window.anchor.span(), PackFault::UnknownAnchor(other.to_owned()));
                WindowAnchor::Onset
            }
        };
        if window.until == WindowEnd::DaysAfter && window.after_days.is_none() {
            self.fault(
                raw.span(),
                PackFault::NoEnd { rule: "the infectious window".to_owned(), missing: "after_days" },
            );
        }
        Window {
            before_days: self.number(&window.before_days, "window.before_days") as i32,
            anchor,
            until: window.until,
            after_days: self.optional(window.after_days.as_ref(), "window.after_days").unwrap_or(0) as i32,
            airspace_hours: self.optional(window.airspace_hours.as_ref(), "window.airspace_hours"),
        }
    }

    /// Phases follow one another, get milder, and test within themselves.
    fn phases(&mut self, raw: &[Spanned<RawPhase>], rule: &str, span: Range<usize>) -> Vec<Phase> {
        if raw.is_empty() {
            self.fault(span, PackFault::NoEnd { rule: rule.to_owned(), missing: "phases" });
        }
        let mut phases: Vec<Phase> = Vec::with_capacity(raw.len());
        let mut served = 0;
        for (index, raw) in raw.iter().enumerate() {
            let path = format!("{rule}.phases[{index}]");
            let phase = self.phase(raw, rule, &path);
            self.order(raw, rule, index, served, phases.last(), &phase);
            served += phase.days;
            phases.push(phase);
        }
        phases
    }

    fn order(
        &mut self,
        raw: &Spanned<RawPhase>,
        rule: &str,
        index: usize,
        served: i32,
        before: Option<&Phase>,
        phase: &Phase,
    ) {
        let numbered = index + 1;
        if let Some(from_day) = &raw.get_ref().from_day
            && *from_day.get_ref() != served + 1
        {
            let fault = PackFault::Overlap {
                rule: rule.to_owned(),
                phase: numbered,
                begins: *from_day.get_ref(),
                before: served,
            };
            self.fault(from_day.span(), fault);
        }
        let Some(before) = before else { return };
        if let Some(day) = &raw.get_ref().starts_day_after_first {
            let begins = *day.value.get_ref() as i32;
            self.fault(
                day.value.span(),
                PackFault::Overlap { rule: rule.to_owned(), phase: numbered, begins, before: served },
            );
        }
        if phase.kind.strictness() > before.kind.strictness() || worse(phase.colour, before.colour) {
            self.fault(raw.span(), PackFault::Stricter { rule: rule.to_owned(), phase: numbered });
        }
    }

    fn phase(&mut self, raw: &Spanned<RawPhase>, rule: &str, path: &str) -> Phase {
        let phase = raw.get_ref();
        let faults = self.faults.len();
        let days = match &phase.days {
            Some(days) => self.number(days, &format!("{path}.days")) as i32,
            None => {
                self.fault(raw.span(), PackFault::NoEnd { rule: format!("a phase of {rule}"), missing: "days" });
                1
            }
        };
        // Of a phase whose length is wrong nobody knows which days lie outside.
        let length = (self.faults.len() == faults).then_some(days);
        let tests = phase.tests.as_ref().map_or_else(Vec::new, |tests| self.tests(tests, path, length));
        Phase {
            kind: phase.kind,
            days,
            tests,
            colour: phase.colour,
            swab: phase.swab.unwrap_or(Swab::ThroatSwab),
            exit_samples: self.optional(phase.exit_samples.as_ref(), &format!("{path}.exit_samples")).unwrap_or(1)
                as u8,
            starts_day_after_first: self
                .optional(phase.starts_day_after_first.as_ref(), &format!("{path}.starts_day_after_first"))
                .map(|day| day as i32),
        }
    }

    fn tests(&mut self, tests: &Sourced<Vec<Spanned<i32>>>, path: &str, length: Option<i32>) -> Vec<i32> {
        self.note(&format!("{path}.tests"), TEST_DAYS, tests, |days| {
            days.iter().map(|day| day.get_ref().to_string()).collect::<Vec<_>>().join(", ")
        });
        let list: Vec<i32> = tests.value.get_ref().iter().map(|day| *day.get_ref()).collect();
        if let Some(days) = length {
            for day in tests.value.get_ref().iter().filter(|day| !(1..=days).contains(day.get_ref())) {
                self.fault(day.span(), PackFault::TestOutsidePhase { day: *day.get_ref(), days });
            }
        }
        if !list.is_sorted_by(|a, b| a < b) {
            self.fault(tests.value.span(), PackFault::TestOrder);
        }
        list
    }

    fn case(&mut self, raw: &Spanned<RawCase>) -> CaseRule {
        let case = raw.get_ref();
        let days = self.optional(case.days.as_ref(), "case.days");
        let review = self.optional(case.review_days.as_ref(), "case.review_days");
        let ceiling = self.optional(case.ceiling_days.as_ref(), "case.ceiling_days");
        let mut lacking = |missing: &'static str| {
            self.fault(case.end.span(), PackFault::NoEnd { rule: "case".to_owned(), missing });
            1
        };
        let end = match case.end.get_ref() {
            RawCaseEnd::Discharge => CaseEnd::Discharge {
                review_days: review.unwrap_or_else(|| lacking("review_days")) as i32,
                ceiling_days: ceiling.unwrap_or_else(|| lacking("ceiling_days")) as i32,
            },
            RawCaseEnd::DaysAfterAnchor => {
                CaseEnd::DaysAfterAnchor { days: days.unwrap_or_else(|| lacking("days")) as i32 }
            }
        };
        if let CaseEnd::Discharge { review_days, ceiling_days } = end
            && (review_days > 14 || review_days > ceiling_days)
        {
            self.fault(case.end.span(), PackFault::LateReview { review: review_days, ceiling: ceiling_days });
        }
        let after = if case.after.is_empty() { Vec::new() } else { self.phases(&case.after, "case", raw.span()) };
        CaseRule {
            end,
            colour: case.colour,
            relapse_days: self.number(&case.relapse_days, "case.relapse_days") as i32,
            after,
        }
    }

    fn area(&mut self, raw: &Spanned<RawArea>) -> AreaRule {
        let area = raw.get_ref();
        let mut list = |phases: &Option<Vec<Spanned<RawPhase>>>, rule: &str| {
            phases.as_ref().map(|phases| self.phases(phases, rule, raw.span()))
        };
        let inside_high = list(&area.inside.high, "area.inside.high");
        let inside_medium = list(&area.inside.medium, "area.inside.medium");
        let same_city = list(&area.same_city, "area.same_city");
        for kind in area.resident.values().filter(|kind| !is_a_stay(**kind)) {
            self.fault(raw.span(), PackFault::NoStay(kind.name().to_owned()));
        }
        AreaRule {
            lookback_days: self.number(&area.lookback_days, "area.lookback_days") as i32,
            unit: area.unit,
            inside_high,
            inside_medium,
            same_city,
            same_county: area.same_county.as_ref().map(|rule| self.two_tests(rule)),
            resident: area.resident.iter().map(|(level, kind)| (*level, *kind)).collect(),
        }
    }

    fn two_tests(&mut self, raw: &Spanned<RawTwoTests>) -> TwoTests {
        let days = self.ending(raw.get_ref().days.as_ref(), "area.same_county", raw.span());
        TwoTests { days, colour: raw.get_ref().colour }
    }

    fn arrival(&mut self, raw: &Spanned<RawArrival>) -> ArrivalRule {
        let arrival = raw.get_ref();
        let days = self.ending(arrival.days.as_ref(), "arrival", raw.span());
        let province = arrival.province.get_ref();
        if province.len() < 2 || !province.bytes().all(|byte| byte.is_ascii_digit()) {
            self.fault(
                arrival.province.span(),
                PackFault::Format(format!("'{province}' is not the code of a division")),
            );
        }
        ArrivalRule {
            province: province.as_str().into(),
            tests: TwoTests { days, colour: arrival.colour },
            short_stay_hours: self.number(&arrival.short_stay_hours, "arrival.short_stay_hours"),
        }
    }

    fn ending(&mut self, days: Option<&Counted<TwoTestsDays>>, rule: &str, span: Range<usize>) -> i32 {
        if days.is_none() {
            self.fault(span, PackFault::NoEnd { rule: rule.to_owned(), missing: "days" });
        }
        self.optional(days, &format!("{rule}.days")).unwrap_or(1) as i32
    }

    fn immunity(&mut self, raw: &RawImmunity) -> Immunity {
        if let Some(day) = &raw.born_before {
            self.note("immunity.born_before", DAY, day, ToString::to_string);
        }
        Immunity {
            doses: self.optional(raw.doses.as_ref(), "immunity.doses").map(|doses| doses as usize),
            born_before: raw.born_before.as_ref().map(|day| *day.value.get_ref()),
            igg: raw.igg,
        }
    }

    /// A dose may spare a contact something; it never makes anything stricter.
    fn offer(&mut self, offer: &Spanned<RawOffer>, index: usize, pack: &RawPack) -> OfferRule {
        let (raw, span) = (offer.get_ref(), offer.span());
        let phases = pack.close_contact.iter().flat_map(|rule| &rule.get_ref().phases);
        let strictest = phases.map(|phase| phase.get_ref().kind.strictness()).max();
        if let (Some(effect), Some(strictest)) = (raw.effect, strictest)
            && effect.strictness() > strictest
        {
            self.fault(span, PackFault::StricterAfterDose(raw.kind.clone()));
        }
        OfferRule {
            kind: raw.kind.as_str().into(),
            hours: self.number(&raw.hours, &format!("offers[{index}].hours")),
            effect: raw.effect,
            not_for: raw.not_for.clone(),
        }
    }

    fn special(&mut self, raw: &RawSpecial) -> Special {
        let default = Special::default();
        let years = self.optional(raw.child_years_max.as_ref(), "special.child_years_max");
        Special {
            home_traits: raw.home_traits.clone().unwrap_or(default.home_traits),
            child_years_max: years.map_or(default.child_years_max, |years| years as i32),
        }
    }

    fn transport(&mut self, raw: &RawTransport) -> Transport {
        let default = Transport::default();
        let mut rows = |rows: Option<&Counted<_>>, what| self.optional(rows, what);
        let aircraft_rows = rows(raw.aircraft_rows.as_ref(), "transport.aircraft_rows");
        let coach_rows = rows(raw.coach_rows.as_ref(), "transport.coach_rows");
        let train_bays = self.optional(raw.train_bays.as_ref(), "transport.train_bays");
        Transport {
            aircraft_rows: aircraft_rows.unwrap_or(default.aircraft_rows),
            coach_rows: coach_rows.unwrap_or(default.coach_rows),
            train_bays: train_bays.unwrap_or(default.train_bays),
        }
    }

    fn notice(&mut self, raw: &Spanned<RawNotice>) -> Option<Notice> {
        let notice = raw.get_ref();
        self.words(&notice.text, raw.span(), &format!("notice '{}'", notice.does.get_ref()));
        let does = match notice.does.get_ref().as_str() {
            "reminder" => Effect::Reminder,
            "question" => Effect::Question,
            "task" => Effect::Task,
            other => {
                self.fault(notice.does.span(), PackFault::ForbiddenRestriction(other.to_owned()));
                return None;
            }
        };
        Some(Notice { on: notice.on, does, text: notice.text.clone() })
    }

    /// What is for those who plan tests, reports and surveillance; no assessment reads it.
    fn planning(&mut self, raw: &RawPack) -> Planning {
        let frequencies = raw.frequencies.iter().enumerate().map(|(at, frequency)| Frequency {
            group: frequency.group.clone(),
            every_days: self.number(&frequency.every_days, &format!("frequencies[{at}].every_days")),
        });
        let frequencies = frequencies.collect();
        let outbreaks = raw.outbreak.iter().enumerate().map(|(at, outbreak)| Outbreak {
            place: outbreak.place.clone(),
            cases: self.number(&outbreak.cases, &format!("outbreak[{at}].cases")),
            within_days: self.number(&outbreak.within_days, &format!("outbreak[{at}].within_days")),
        });
        let outbreaks = outbreaks.collect();
        Planning {
            frequencies,
            outbreaks,
            outbreak_end: raw.outbreak_end.as_ref().map(|end| OutbreakEnd {
                days: self.number(&end.days, "outbreak_end.days"),
                watch_days: self.optional(end.watch_days.as_ref(), "outbreak_end.watch_days").unwrap_or(0),
            }),
            checks_per_day: self.optional(raw.checks_per_day.as_ref(), "checks_per_day"),
            report_limit_hours: self.optional(raw.report_limit_hours.as_ref(), "report_limit_hours"),
            pool_size_max: self.optional(raw.pool_size_max.as_ref(), "pool_size_max"),
        }
    }

    /// Each rule of the pack has words, and there are no words without a rule.
    fn texts(
        &mut self,
        pack: &Pack,
        raw: &RawPack,
        texts: BTreeMap<Spanned<String>, Spanned<Text>>,
    ) -> Vec<(Arc<str>, Text)> {
        let start = |span: Option<Range<usize>>| span.unwrap_or(0..0);
        let rules = [
            ("close_contact", pack.close_contact.is_some(), start(raw.close_contact.as_ref().map(Spanned::span))),
            (
                "secondary_contact",
                pack.secondary_contact.is_some(),
                start(raw.secondary_contact.as_ref().map(Spanned::span)),
            ),
            ("case", pack.case.is_some(), start(raw.case.as_ref().map(Spanned::span))),
            (
                "inbound_traveller",
                pack.inbound_traveller.is_some(),
                start(raw.inbound_traveller.as_ref().map(Spanned::span)),
            ),
            ("area", pack.area.is_some(), start(raw.area.as_ref().map(Spanned::span))),
            ("arrival", pack.arrival.is_some(), start(raw.arrival.as_ref().map(Spanned::span))),
            ("hold", pack.hold_hours.is_some(), start(raw.hold_hours.as_ref().map(Spanned::span))),
            ("offers", !pack.offers.is_empty(), start(raw.offers.first().map(Spanned::span))),
        ];
        let mut words = Vec::new();
        for (rule, present, span) in &rules {
            match texts.iter().find(|(name, _)| name.get_ref() == rule) {
                Some((_, text)) if *present => {
                    self.words(text.get_ref(), text.span(), rule);
                    words.push((Arc::from(*rule), text.get_ref().clone()));
                }
                None if *present => self.fault(span.clone(), PackFault::MissingText((*rule).to_owned())),
                Some(_) | None => {}
            }
        }
        for (name, text) in &texts {
            if !rules.iter().any(|(rule, present, _)| *present && rule == name.get_ref()) {
                self.fault(text.span(), PackFault::TextWithoutRule(name.get_ref().clone()));
            }
        }
        words
    }

    fn words(&mut self, text: &Text, span: Range<usize>, of: &str) {
        let lacking = match (text.zh.trim().is_empty(), text.en.trim().is_empty()) {
            (false, false) => return,
            (true, true) => of.to_owned(),
            (true, false) => format!("{of}, in Chinese (zh),"),
            (false, true) => format!("{of}, in English (en),"),
        };
        self.fault(span, PackFault::MissingText(lacking));
    }

    fn optional<Q: Quantity>(&mut self, number: Option<&Counted<Q>>, what: &str) -> Option<i64> {
        number.map(|number| self.number(number, what))
    }

    fn number<Q: Quantity>(&mut self, number: &Counted<Q>, what: &str) -> i64 {
        let value = *number.value.get_ref();
        self.noted(what, Q::UNIT, &number.unit, &number.source, value.to_string());
        if !(Q::LEAST..=Q::MOST).contains(&value) {
            let (least, most) = (Q::LEAST, Q::MOST);
            self.fault(number.value.span(), PackFault::OutOfBounds { what: what.to_owned(), value, least, most });
        }
        value
    }

    fn note<T>(&mut self, what: &str, unit: &'static str, of: &Sourced<T>, show: impl Fn(&T) -> String) {
        self.noted(what, unit, &of.unit, &of.source, show(of.value.get_ref()));
    }

    fn noted(
        &mut self,
        what: &str,
        expected: &'static str,
        unit: &Spanned<String>,
        source: &Spanned<String>,
        value: String,
    ) {
        if unit.get_ref() != expected {
            let found = unit.get_ref().clone();
            self.fault(unit.span(), PackFault::Unit { what: what.to_owned(), found, expected });
        }
        let (title, mark) = match self.sources.get(source.get_ref()) {
            Some(source) => (source.title.clone(), source.mark),
            None => {
                self.fault(source.span(), PackFault::UnknownSource(source.get_ref().clone()));
                (String::new(), Mark::Unsourced)
            }
        };
        self.numbers.push(NumberNote { path: what.to_owned(), value, unit: expected.to_owned(), source: title, mark });
    }

    fn fault(&mut self, span: Range<usize>, fault: PackFault) {
        let (line, column) = place_of(self.text, span.start);
        self.faults.push(PackError { file: self.file.to_owned(), line, column, fault });
    }
}

/// Every list of phases of a pack, with its name.
fn lists_of_phases(raw: &RawPack) -> Vec<(&'static str, &[Spanned<RawPhase>])> {
    let mut lists: Vec<(&str, &[Spanned<RawPhase>])> = Vec::new();
    let contacts = raw.close_contact.as_ref().map(|rule| ("close_contact", &*rule.get_ref().phases));
    let secondary = raw.secondary_contact.as_ref().map(|rule| ("secondary_contact", &*rule.get_ref().phases));
    let inbound = raw.inbound_traveller.as_ref().map(|rule| ("inbound_traveller", &*rule.get_ref().phases));
    let after = raw.case.as_ref().map(|rule| ("case", &*rule.get_ref().after));
    lists.extend(contacts.into_iter().chain(secondary).chain(inbound).chain(after));
    if let Some(area) = raw.area.as_ref().map(Spanned::get_ref) {
        let inside = [("area.inside.high", &area.inside.high), ("area.inside.medium", &area.inside.medium)];
        let all = inside.into_iter().chain([("area.same_city", &area.same_city)]);
        lists.extend(all.filter_map(|(name, phases)| Some((name, phases.as_deref()?))));
    }
    lists
}

/// Whether a colour is worse than another; without one it is as good as green.
fn worse(one: Option<Colour>, other: Option<Colour>) -> bool {
    one.unwrap_or(Colour::Green) > other.unwrap_or(Colour::Green)
}

/// Whether somebody can do this where they are.
const fn is_a_stay(kind: MeasureKind) -> bool {
    matches!(
        kind,
        MeasureKind::StayIndoors
            | MeasureKind::StayInArea
            | MeasureKind::HomeIsolation
            | MeasureKind::HomeMonitoring
            | MeasureKind::SelfMonitoring
            | MeasureKind::FollowUp
    )
}
