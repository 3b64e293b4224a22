//! `sizao loop`: what is late, the four clears, and the pass that catches up.

use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;
use serde_json::json;
use sizao_app::loops::LoopFilter;
use sizao_model::DivisionCode;
use sizao_store::LoopQuery;

use crate::{
    args::NodeArgs,
    node,
    output::{say, thousands},
};

/// Loops listed at once.
const LISTED_MAX: u32 = 1_000;

#[derive(Subcommand, Debug)]
pub enum Loop {
    /// Loops of a kind, the most pressing first: overdue, owed (met and not released), unowned, open, closed, …
    List {
        /// Which.
        #[arg(default_value = "overdue", value_parser = parse_filter)]
        show: LoopFilter,
        /// Of this division and those under it.
        #[arg(long, default_value = "41", value_parser = parse_division)]
        division: DivisionCode,
    },
    /// The four clears: how many, who, where, under what control.
    Clears {
        /// Of this division and those under it.
        #[arg(long, default_value = "41", value_parser = parse_division)]
        division: DivisionCode,
        /// Of one rule, such as cn-covid-v8:close_contact.
        #[arg(long)]
        rule: Option<String>,
    },
    /// Follow the loops up to now: release what is over, with its true time; safe to repeat.
    CatchUp,
}

fn parse_filter(text: &str) -> Result<LoopFilter, String> {
    let words = LoopFilter::ALL.map(LoopFilter::name).join(", ");
    LoopFilter::from_name(text).ok_or_else(|| format!("choose one of: {words}"))
}

fn parse_division(text: &str) -> Result<DivisionCode, String> {
    DivisionCode::parse(text).map_err(|error| error.to_string())
}

pub async fn run(node: &NodeArgs, order: Loop, json: bool) -> Result<ExitCode> {
    let app = node::open(node).await?;
    match order {
        Loop::CatchUp => {
            let done = app.follow_loops().await?;
            let lapsed_appeals = app.lapse_appeals().await?;
            say(
                json,
                || {
                    format!(
                        "Looked at the loops of {} people: {} released ({} lapsed without an exit test), {} given to a unit, {} handed to the next level.",
                        thousands(done.people),
                        thousands(done.released),
                        thousands(done.lapsed),
                        thousands(done.assigned),
                        thousands(done.escalated)
                    )
                },
                || {
                    json!({"people": done.people, "released": done.released, "lapsed": done.lapsed,
                           "assigned": done.assigned, "escalated": done.escalated, "appeals_lapsed": lapsed_appeals})
                },
            );
        }
        Loop::List { show, division } => {
            let query = LoopQuery { within: division, filter: show, unit: None, now: app.now() };
            let total = app.store().count_loops(query).await?;
            let (loops, refused) = app.store().list_loops(query, 0, LISTED_MAX).await?;
            say(
                json,
                || {
                    let mut text = format!("{} loops: {}.", thousands(total), show.name());
                    if refused > 0 {
                        text.push_str(&format!("\n{refused} rows do not fit their seal and are not shown: run `sizao log verify` and tell the auditor."));
                    }
                    for one in &loops {
                        let by = one.deadline_at.map_or("-".to_owned(), |at| at.to_string());
                        text.push_str(&format!("\n{}  {}  {}  {by}", one.person, one.rule, one.task));
                    }
                    text
                },
                || {
                    let lines: Vec<_> = loops
                        .iter()
                        .map(|one| {
                            json!({"person": one.person, "rule": one.rule, "opened_by": one.opened_by, "task": one.task,
                                   "deadline_at": one.deadline_at, "due_at": one.due_at, "ended_at": one.ended_at,
                                   "unit": one.unit})
                        })
                        .collect();
                    json!({"show": show.name(), "total": total, "refused": refused, "loops": lines})
                },
            );
        }
        Loop::Clears { division, rule } => {
            let clears = app.four_clears(division, rule.as_deref()).await?;
            let [located, moved_on, not_found, wrong_data, refuted] = clears.replied;
            say(
                json,
                || {
                    format!(
                        "{} loops = {located} located + {moved_on} moved on + {refuted} refuted + {wrong_data} wrong data + {not_found} not found + {} open\nwho: {}  where: {}  under control: {}",
                        clears.total, clears.open, clears.identified, clears.placed, clears.controlled
                    )
                },
                || {
                    json!({"total": clears.total, "located": located, "moved_on": moved_on, "refuted": refuted,
                           "wrong_data": wrong_data, "not_found": not_found, "open": clears.open,
                           "identified": clears.identified, "placed": clears.placed, "controlled": clears.controlled})
                },
            );
        }
    }
    Ok(ExitCode::SUCCESS)
}
