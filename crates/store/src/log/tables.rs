//! Which tables a backup has, and which it needs not have.

use crate::tiered::VAULT_TOKEN;

/// Kind of a column, the same on both engines.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Type {
    /// A number; an instant in microseconds.
    Int,
    /// A UUID.
    Id,
    /// Bytes.
    Bytes,
    /// Words.
    Text,
}

/// A table of the export.
pub(super) struct Table {
    pub name: &'static str,
    pub order: &'static str,
    pub columns: &'static [(&'static str, Type)],
    /// How many of the columns an outsider gets; the rest needs keys or concerns people.
    pub public: usize,
}

use Type::{Bytes, Id, Int, Text};

/// Name, order, the columns an outsider gets, the others.
macro_rules! table {
    ($name:expr, $order:literal, [$($public:ident: $of:ident),*], [$($own:ident: $kind:ident),*]) => {
        Table {
            name: $name,
            order: $order,
            columns: &[$((stringify!($public), $of),)* $((stringify!($own), $kind),)*],
            public: <[Type]>::len(&[$($of),*]),
        }
    };
}

/// In the order in which they are restored. The head comes last: without it a store is not a store.
#[rustfmt::skip]
pub(super) const TABLES: &[Table] = &[
    table!("recorder", "id", [id: Id, public_key: Bytes], [name: Text, added_at: Int]),
    table!("data_key", "no", [no: Int, purpose: Int, day: Int, certificate: Int], [master: Int, wrapped: Bytes]),
    table!("source", "no", [], [no: Int, scope: Text]),
    table!("fact", "leaf",
           [leaf: Int, id: Id, kind: Int, happened_form: Int, happened_from: Int, happened_to: Int, zone: Text,
            recorded_at: Int, recorder: Id, channel: Int, data_key: Int, commitment: Bytes, leaf_hash: Bytes],
           [mac: Bytes, source: Int, intake_key: Bytes, subject: Id]),
    table!("body", "leaf", [leaf: Int], [data_key: Int, sealed: Bytes]),
    table!("log_node", "level, position", [level: Int, position: Int, hash: Bytes], []),
    table!("submission", "first_leaf",
           [first_leaf: Int, facts: Int, recorder: Id, digest: Bytes, signature: Bytes, received_at: Int],
           []),
    table!("erasure", "certificate", [certificate: Int, data_key: Int, leaf: Int], []),
    table!("checkpoint", "size", [size: Int, root: Bytes, signed_at: Int, signature: Bytes], []),
    table!("person", "id", [], [id: Id, division: Int, added_at: Int]),
    table!("vault_word", "person, token", [], [person: Id, token: Bytes, kind: Int, sealed: Bytes]),
    table!("vault_detail", "person, part", [], [person: Id, part: Int, sealed: Bytes]),
    table!(VAULT_TOKEN.merged, "token, person", [], [token: Bytes, person: Id]),
    table!("import", "list", [],
           [list: Text, file_digest: Bytes, mapping: Text, rows_done: Int, accepted: Int, rejected: Int,
            finished: Int, started_at: Int]),
    table!("manifest", "day, part",
           [day: Int, part: Int, file: Text, digest: Bytes, leaf: Int, rows: Int, bytes: Int], []),
    table!("place", "no", [],
           [no: Int, id: Id, token: Bytes, division: Int, kind: Text, sealed: Bytes, capacity: Int, added_at: Int,
            closed_at: Int]),
    table!("ledger_person", "no", [], [no: Int, person: Id]),
    table!("presence_row", "key", [], [key: Bytes, day: Int, sealed: Bytes]),
    table!("presence_seat", "key", [], [key: Bytes, day: Int, sealed: Bytes]),
    table!("presence_key", "key", [], [key: Bytes, day: Int, content: Bytes]),
    table!("unit", "id", [], [id: Id, name: Text, kind: Text, division: Int, made_at: Int, closed_at: Int,
            mac: Bytes]),
    table!("account", "id", [],
           [id: Id, unit: Id, login: Text, name: Text, role: Text, password: Text, totp: Bytes, totp_step: Int,
            demo: Int, made_at: Int, closed_at: Int, mac: Bytes]),
    table!("account_key", "account", [], [account: Id, public_key: Bytes, secret: Bytes, made_at: Int]),
    table!("api_token", "token", [],
           [token: Bytes, id: Id, account: Id, name: Text, scopes: Text, made_at: Int, seen_at: Int,
            expires_at: Int, ended_at: Int, mac: Bytes]),
    table!("mandate", "id", [],
           [id: Id, collection: Text, area: Int, legal_basis: Text, authority: Text, purpose: Text,
            impact_assessment: Text, starts_at: Int, ends_at: Int, proposed_by: Id, proposed_at: Int,
            signed_by: Id, signed_at: Int, fact: Id, ended_at: Int, ended_by: Id]),
    table!("access_log", "no", [],
           [no: Int, at: Int, account: Id, unit: Id, division: Int, action: Text, purpose: Text, person: Id,
            reason: Text, request: Text]),
    table!("protected_person", "person", [], [person: Id, reason: Text, by: Id, at: Int]),
    table!("break_glass", "id", [],
           [id: Id, account: Id, division: Int, person: Id, reason: Text, begun_at: Int, ends_at: Int]),
    table!("verification", "at", [], [at: Int, leaves: Int, findings: Int, account: Id]),
    table!("pack_text", "digest", [], [digest: Bytes, pack: Text, text: Text, kept_by: Id, kept_at: Int]),
    table!("pack_adoption", "id", [],
           [id: Id, pack: Text, digest: Bytes, takes_effect_at: Int, reason: Text, proposed_by: Id,
            proposed_at: Int, proposed_with: Bytes, signed_by: Id, signed_at: Int, signed_with: Bytes,
            fact: Id, withdrawn_by: Id, withdrawn_at: Int]),
    table!("institution", "id", [],
           [id: Id, unit: Id, name: Text, kind: Text, division: Int, capabilities: Int, made_at: Int,
            closed_at: Int]),
    table!("institution_change", "no", [], [no: Int, institution: Id, at: Int, account: Id, field: Text, value: Text]),
    table!("responsible", "no", [],
           [no: Int, institution: Id, name: Text, from_on: Int, until_on: Int, account: Id, set_at: Int]),
    table!("sale_person", "fact", [],
           [fact: Id, institution: Id, division: Int, sold_on: Int, key_day: Int, term_on: Int, data_key: Int,
            sealed: Bytes]),
    table!("signal", "id", [],
           [id: Id, division: Int, institution: Id, first_on: Int, last_on: Int, peak_on: Int, score: Int,
            probability: Int, excess: Int, benefit: Int, detector: Text, reasons: Text, opened_at: Int,
            due_at: Int, answered_at: Int, escalated_at: Int, closed_at: Int, outcome: Text]),
    table!("signal_step", "no", [], [no: Int, signal: Id, at: Int, account: Id, step: Text, word: Text, told: Text]),
    table!("site_review", "id", [],
           [id: Id, institution: Id, division: Int, kind: Text, month: Int, account: Id, at: Int, told: Text,
            decided_by: Id, decided_at: Int, decision: Text, reply: Text]),
    table!("resident_link", "token", [],
           [token: Bytes, person: Id, made_by: Id, made_at: Int, expires_at: Int, ended_at: Int]),
    table!("saved_view", "id", [], [id: Id, account: Id, name: Text, grouping: Text, division: Int, made_at: Int]),
    table!("own_data_request", "id", [],
           [id: Id, person: Id, division: Int, kind: Int, words: Bytes, filed_at: Int, deadline_at: Int, outcome: Int,
            answer: Bytes, answered_at: Int, account: Id]),
    table!("assist_peer", "node", [],
           [node: Id, name: Text, division: Int, signing: Bytes, sealing: Bytes, certificate: Bytes, address: Text,
            added_at: Int, closed_at: Int, heard_at: Int]),
    table!("assist_sent", "peer, seq", [],
           [peer: Id, seq: Int, digest: Bytes, envelope: Bytes, made_at: Int, confirmed_at: Int]),
    table!("assist_come", "origin, seq", [],
           [origin: Id, seq: Int, digest: Bytes, envelope: Bytes, came_at: Int, state: Int]),
    table!("assist_refused", "no", [], [no: Int, at: Int, origin: Id, seq: Int, why: Text, told: Text]),
    table!("assist_request", "id", [],
           [id: Id, kind: Int, peer: Id, ours: Int, head: Text, said: Text, opened_at: Int, closed_at: Int,
            version: Int]),
    table!("assist_line", "request, no", [],
           [request: Id, no: Int, state: Text, said: Text, answer: Text, outcome: Int, identified: Int, placed: Int,
            controlled: Int, received_at: Int, due_at: Int, person: Id, task: Bytes, seal: Bytes, answer_seal: Bytes]),
    table!("assist_log", "request, at, node, seq", [],
           [request: Id, at: Int, node: Id, seq: Int, word: Text, told: Text, digest: Bytes]),
    table!("pass", "id", [], [id: Id, person: Id, issued_at: Int, expires_at: Int, colour: Int, withdrawn_at: Int]),
    table!("restricting", "no", [],
           [no: Int, at: Int, proposer: Id, source: Text, place: Int, class: Text, people: Int, seconded: Int]),
    table!("proposed", "first_leaf", [], [first_leaf: Int, facts: Int, account: Id, list: Text]),
    table!("lab_message", "id", [],
           [id: Id, unit: Id, division: Int, received_at: Int, form: Text, label: Text, digest: Bytes, reason: Text,
            bytes: Int, sealed: Bytes, state: Int, done_at: Int, account: Id]),
    table!("reminded", "person, since_on", [], [person: Id, since_on: Int, at: Int, account: Id]),
    table!("log_head", "one",
           [one: Int, size: Int, frontier: Bytes, root: Bytes, signed_at: Int, signature: Bytes],
           []),
    table!("meta", "name", [], [name: Text, value: Text]),
];

/// Tables that number their rows by themselves, by a column `no`.
pub(super) const NUMBERED: [&str; 6] =
    ["access_log", "institution_change", "responsible", "signal_step", "restricting", "assist_refused"];

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;
    use crate::{
        db::{Either, on},
        support::{Bench, places},
    };

    /// Made again from the log.
    const DERIVED: &[&str] = &[
        "inspection",
        "lane_journey",
        "disinfection",
        "arrival",
        "arrival_key",
        "watermark",
        "mention",
        "mention_recent",
        "sampled_block",
        "concerned",
        "fact_new",
        "intake",
        "intake_recent",
        "assessment",
        "course",
        "sentinel_report",
        "appeal",
        "closed_loop",
        "loop_changed",
        "watched",
        "watched_register",
        "watch_freeze",
        "figure",
        "refused_order",
        "tube",
        "swab",
        "self_test",
        "key_member",
        "key_pause",
        "screening_round",
        "vault_token_recent",
        "_sqlx_migrations",
    ];
    /// Of the running node: whoever was signed in signs in again, a link that was not used is made again.
    const PASSING: [&str; 8] =
        ["session", "one_time_link", "sign_in_failure", "api_answer", "job", "fence_sketch", "fence_question", "batch"];

    #[tokio::test]
    async fn every_table_is_in_a_backup_with_all_its_columns_or_needs_not_be() {
        for place in places().await {
            let bench = Bench::new(&place.place).await;
            let text = match bench.store.db.reader() {
                Either::Sqlite(_) => {
                    "SELECT m.name, c.name FROM sqlite_master m, pragma_table_info(m.name) c \
                     WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite%'"
                }
                Either::Postgres(_) => {
                    "SELECT CAST(table_name AS TEXT), CAST(column_name AS TEXT) FROM information_schema.columns \
                     WHERE table_schema = current_schema()"
                }
            };
            let rows: Vec<(String, String)> =
                on!(bench.store.db.reader(), pool => sqlx::query_as(text).fetch_all(pool).await.unwrap());
            let mut there: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
            for (table, column) in rows {
                there.entry(table).or_default().insert(column);
            }
            for table in TABLES {
                let columns = table.columns.iter().map(|(name, _)| (*name).to_owned()).collect();
                assert_eq!(there.remove(table.name), Some(columns), "{}", table.name);
            }
            there.retain(|name, _| !DERIVED.contains(&name.as_str()) && !PASSING.contains(&name.as_str()));
            assert_eq!(there.into_keys().collect::<Vec<_>>(), [""; 0], "say what a backup does with these");
        }
    }
}
