//! The report of the main job, in words and in JSON.

use std::{collections::BTreeMap, fmt::Write as _, path::Path};

use serde_json::{Value, json};
use sizao_app::{
    assessments::CaughtUp,
    imports::ImportReport,
    transmission::{Definition, Delays, Summary, TransmissionReport},
};
use sizao_interop::{NoteKind, division_name};
use sizao_model::{CivilDay, DivisionCode, MeasureKind};
use sizao_store::{Verification, hex};

use crate::output::thousands;

/// Everything that there is to tell.
pub struct Told<'a> {
    pub report: TransmissionReport,
    pub imported: ImportReport,
    pub assessed: CaughtUp,
    pub log: Verification,
    pub store: &'a Path,
    pub on: CivilDay,
}

/// Cities that are printed; all are in the JSON.
const CITIES_SHOWN: usize = 25;
const RULE: &str = "────────────────────────────────────────────────────────────────────────────────";

impl Told<'_> {
    pub fn in_words(&self) -> String {
        let mut text = String::new();
        self.opening(&mut text);
        self.henan(&mut text);
        self.cities(&mut text);
        self.measures(&mut text);
        self.counterfactual(&mut text);
        self.caveats(&mut text);
        text
    }

    fn opening(&self, text: &mut String) {
        let TransmissionReport { people, cases, links, facts, .. } = &self.report;
        let _ = writeln!(text, "四早 Sizao · transmission pairs, mainland China, January–February 2020\n{RULE}");
        let _ = writeln!(
            text,
            "{} rows taken, {} handed back. {} facts about {} people: {} cases, {} links from case to contact.",
            thousands(self.imported.accepted),
            thousands(self.imported.rejected),
            thousands(*facts as u64),
            thousands(*people as u64),
            thousands(*cases as u64),
            thousands(*links as u64),
        );
        let _ = writeln!(
            text,
            "The log has {} leaves and {}; root {}…\nStore: {}",
            thousands(self.log.leaves),
            if self.log.is_sound() { "is sound" } else { "is NOT sound" },
            &hex(&self.log.root)[..16],
            self.store.display()
        );
    }

    fn henan(&self, text: &mut String) {
        let _ = writeln!(text, "\nHenan (河南), from the imported facts\n{RULE}");
        let _ = writeln!(text, "{:32}{:>14}{:>14}", "", "plain", "extended");
        let mut row = |label: &str, figure: &dyn Fn(&Definition) -> String| {
            let _ = writeln!(text, "{label:32}{:>14}{:>14}", figure(&self.report.plain), figure(&self.report.extended));
        };
        row("pairs", &|d| d.pairs.to_string());
        row("people", &|d| d.delays.people.to_string());
        row("infectors", &|d| d.infectors.to_string());
        row("people with an onset day", &|d| d.delays.with_onset.to_string());
        type Pick = fn(&Definition) -> Option<&Summary>;
        let delays: [(&str, Pick); 3] = [
            ("onset → isolation", |d| d.delays.isolation.as_ref()),
            ("onset → lab confirmation", |d| d.delays.confirmation.as_ref()),
            ("serial interval", |d| d.serial_interval.as_ref()),
        ];
        for (label, pick) in delays {
            let figure = |figure: fn(&Summary) -> String| move |d: &Definition| pick(d).map_or("–".into(), figure);
            row(&format!("{label}: n"), &figure(|s| s.n.to_string()));
            row("    median, days", &figure(|s| s.median.to_string()));
            row("    mean, days", &figure(|s| format!("{:.4}", s.mean)));
            row("    range, days", &figure(|s| format!("{} to {}", s.range.least, s.range.greatest)));
        }
        let (vault, known) = (self.report.people_in_vault_of_province, self.report.extended.delays.people as u64);
        let _ = writeln!(
            text,
            "The source names {vault} people of Henan; of {} of them it gives no date at all, so no fact can be made.",
            vault.saturating_sub(known)
        );
        let _ = writeln!(
            text,
            "Plain: the infector's city is spelled as one of the 18. Extended (the default elsewhere in this report): also\n\
             places understood by what id and source claim. Delays are whole days; isolation is after symptoms only."
        );
    }

    fn cities(&self, text: &mut String) {
        let _ = writeln!(
            text,
            "\nDelays by city, days: n, median, mean (the {CITIES_SHOWN} with most people; --json has all)\n{RULE}"
        );
        let _ = writeln!(
            text,
            "{:<10}{:<12}{:>7}   {:<22}{:<22}",
            "code", "city", "people", "onset → isolation", "onset → confirmation"
        );
        for delays in self.report.by_city.iter().take(CITIES_SHOWN) {
            let name = division_name(delays.division).unwrap_or("?");
            let pad = 12usize.saturating_sub(name.chars().count() * 2);
            let _ = writeln!(
                text,
                "{:<10}{name}{:pad$}{:>7}   {:<22}{:<22}",
                delays.division.to_string(),
                "",
                delays.people,
                short(delays.isolation.as_ref()),
                short(delays.confirmation.as_ref())
            );
        }
        let whole = &self.report.whole.delays;
        let _ = writeln!(
            text,
            "{:<22}{:>7}   {:<22}{:<22}",
            "all",
            whole.people,
            short(whole.isolation.as_ref()),
            short(whole.confirmation.as_ref())
        );
        if !self.report.province_only.is_empty() {
            let listed: Vec<String> =
                self.report.province_only.iter().map(|(code, people)| province(*code, *people)).collect();
            let _ =
                writeln!(text, "Known to the province only, because the name fits two cities: {}.", listed.join(", "));
        }
    }

    fn measures(&self, text: &mut String) {
        let _ = writeln!(text, "\nMeasures in force at the end of the day, as known then (every third day)\n{RULE}");
        let mut kinds: Vec<MeasureKind> = self.report.measures.values().flat_map(|day| day.keys().copied()).collect();
        kinds.sort_unstable();
        kinds.dedup();
        let heads: Vec<String> = kinds.iter().map(|kind| format!("{:>18}", kind.name())).collect();
        let _ = writeln!(text, "{:<12}{}", "day", heads.concat());
        let busy = |day: &BTreeMap<MeasureKind, usize>| day.values().any(|count| *count > 0);
        for (day, counts) in &self.report.measures {
            if (busy(counts) && day.number() % 3 == self.on.number() % 3) || *day == self.on {
                let cells: Vec<String> =
                    kinds.iter().map(|kind| format!("{:>18}", counts.get(kind).copied().unwrap_or(0))).collect();
                let mark = if *day == self.on { "  ← assessed" } else { "" };
                let _ = writeln!(text, "{:<12}{}{mark}", day.to_string(), cells.concat());
            }
        }
        let _ = writeln!(
            text,
            "{} people assessed for {} 24:00: {} under a measure that restricts, each with its evidence and its end.",
            thousands(self.assessed.assessed),
            self.on,
            thousands(self.report.restricted_on_day as u64)
        );
    }

    fn counterfactual(&self, text: &mut String) {
        let found = &self.report.counterfactual;
        let _ = writeln!(
            text,
            "\nHad each contact's measure opened {} h after the infector's confirmation\n{RULE}",
            found.hours
        );
        let share = if found.days_at_large > 0.0 { 100.0 * found.days_prevented / found.days_at_large } else { 0.0 };
        let _ = writeln!(
            text,
            "{:.0} of {:.0} days ({share:.1} %) that infectious contacts were at large would have been prevented,\n\
             for {} of {} contacts. {} contacts are left out: onset, isolation or the infector's confirmation is not known.",
            found.days_prevented, found.days_at_large, found.contacts_helped, found.contacts, found.left_out
        );
        let _ = writeln!(
            text,
            "At large: from two days before onset to the real day of isolation. A confirmation known only to the day counts\n\
             from the day's end. Contacts here are those who fell ill; the others do not appear in the source."
        );
    }

    fn caveats(&self, text: &mut String) {
        let _ = writeln!(text, "\nTo know when reading this\n{RULE}");
        let _ = writeln!(
            text,
            "· The rules are those of protocol v8 (May 2021), put back to 2020 for this demonstration; the clock is simulated:\n  \
             each fact is recorded on its own day. Nobody was managed by these rules at that time."
        );
        let count = |kind: NoteKind| self.imported.notes.iter().filter(|note| note.kind == kind).count();
        let _ = writeln!(
            text,
            "· {} places were understood by a claim, {} dates stand in for missing ones, {} facts were not made because the\n  \
             dates do not allow them. Published, de-identified data (MIT; Ali et al., Science 2020); ids are opaque.",
            count(NoteKind::PlaceClaim),
            count(NoteKind::StandIn),
            count(NoteKind::Unusable)
        );
    }

    pub fn in_json(&self) -> Value {
        let report = &self.report;
        let measures: BTreeMap<String, BTreeMap<&str, usize>> = report
            .measures
            .iter()
            .map(|(day, kinds)| (day.to_string(), kinds.iter().map(|(kind, count)| (kind.name(), *count)).collect()))
            .collect();
        let found = &report.counterfactual;
        let notes: Vec<String> = self.imported.notes.iter().map(ToString::to_string).collect();
        json!({
            "rows_accepted": self.imported.accepted,
            "rows_rejected": self.imported.rejected,
            "facts": report.facts, "people_in_vault": report.people_in_vault, "people": report.people, "cases": report.cases, "links": report.links,
            "log": {"leaves": self.log.leaves, "sound": self.log.is_sound(), "root": hex(&self.log.root)},
            "whole": definition(&report.whole),
            "henan": {"plain": definition(&report.plain), "extended": definition(&report.extended)},
            "cities": report.by_city.iter().map(delays).collect::<Vec<_>>(),
            "province_only": report.province_only.iter().map(|(code, people)| (code.to_string(), *people)).collect::<BTreeMap<_, _>>(),
            "measures": measures,
            "assessed_on": self.on, "people_assessed": self.assessed.assessed, "people_restricted": report.restricted_on_day,
            "counterfactual": {
                "hours": found.hours, "contacts": found.contacts, "contacts_helped": found.contacts_helped,
                "days_at_large": found.days_at_large, "days_prevented": found.days_prevented, "left_out": found.left_out,
            },
            "rules": "demo-covid-2020: protocol v8 of May 2021, put back to 2020; simulated clock",
            "notes": notes,
        })
    }
}

fn province(code: DivisionCode, people: usize) -> String {
    format!("{} {people}", division_name(code).unwrap_or("?"))
}

fn short(summary: Option<&Summary>) -> String {
    summary.map_or("–".to_owned(), |s| format!("{:>4}  {:>4}  {:>6.2}", s.n, s.median, s.mean))
}

fn definition(definition: &Definition) -> Value {
    let mut value = delays(&definition.delays);
    value["pairs"] = definition.pairs.into();
    value["infectors"] = definition.infectors.into();
    value["serial_interval"] = summary(definition.serial_interval.as_ref());
    value
}

fn delays(delays: &Delays) -> Value {
    json!({
        "division": delays.division, "name": division_name(delays.division), "people": delays.people,
        "with_onset": delays.with_onset, "onset_to_isolation": summary(delays.isolation.as_ref()),
        "onset_to_confirmation": summary(delays.confirmation.as_ref()),
    })
}

fn summary(summary: Option<&Summary>) -> Value {
    summary.map_or(Value::Null, |s| {
        json!({
            "n": s.n, "median": s.median, "mean": s.mean, "sd": s.sd, "negative": s.negative,
            "range": [s.range.least, s.range.greatest],
        })
    })
}
