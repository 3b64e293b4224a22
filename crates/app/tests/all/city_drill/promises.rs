//! The promises of the design, paragraph by paragraph, as far as a machine can check them; after every hour.
//!
//! What is compared with is what the drill itself sent, never the program's own tables.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde_json::Value;
use sizao_app::{facts_intake::FactBatch, identity::Role, mandates::Collection, residents::text_digest};
use sizao_model::{
    Assessment, DivisionCode, FactId, Finding, Instant, MeasureKind, PersonId,
    draft::{PersonName, provisional_fact},
};
use sizao_store::{LoopFilter, LoopQuery, Receipt, StoredAssessment};

use super::{
    chaos::Chaos,
    deliveries::{Deliveries, File, Line, Why},
    node::{Node, SENDER, Took, actor, zhengzhou},
    words::Words,
};

/// Longest time from beginning to end that a pack of the drill can give one measure, in days.
const MEASURE_DAYS_MAX: i64 = 60;
/// A review of a case's isolation comes within so many days.
const REVIEW_DAYS_MAX: i64 = 14;
/// Explanations read an hour.
const EXPLAINED: usize = 6;
/// Decisions that are remembered to be asked again.
const DECISIONS: usize = 400;

/// What the drill knows of a fact that is in the log.
struct Sent {
    kind: String,
    person: Option<PersonId>,
    evidence: Option<String>,
    of: Option<String>,
}

struct Link {
    people: [PersonId; 2],
    flows: bool,
}

pub struct Promises {
    people: HashMap<String, PersonId>,
    codes: HashMap<PersonId, String>,
    words: Words,
    ids: HashMap<String, FactId>,
    facts: HashMap<FactId, Sent>,
    links: HashMap<String, Link>,
    /// What a correction moved: whose it is now is not the drill's to say.
    corrected: HashSet<FactId>,
    seen: HashMap<PersonId, String>,
    restricted: Vec<PersonId>,
    decisions: Vec<(PersonId, Instant, String)>,
    witness: (u64, [u8; 32]),
    acknowledged: Vec<FactId>,
    went_back: bool,
    last_hour_at: Instant,
    pub told: BTreeMap<&'static str, u64>,
}

impl Promises {
    pub async fn new(node: &Node, deliveries: &Deliveries) -> Self {
        let mut people = HashMap::new();
        for code in &deliveries.codes {
            let name = PersonName::Code { scope: SENDER.into(), code: code.as_str().into() };
            if let Some(person) = node.app().store().find_person(&name).await.unwrap() {
                people.insert(code.clone(), person);
            }
        }
        let codes = people.iter().map(|(code, person)| (*person, code.clone())).collect();
        let head = node.app().store().head().await.unwrap();
        Self {
            people,
            codes,
            words: Words::of(node, deliveries).await,
            ids: HashMap::new(),
            facts: HashMap::new(),
            links: HashMap::new(),
            corrected: HashSet::new(),
            seen: HashMap::new(),
            restricted: Vec::new(),
            decisions: Vec::new(),
            witness: (head.size, head.root),
            acknowledged: Vec::new(),
            went_back: false,
            last_hour_at: Instant::MIN,
            told: BTreeMap::new(),
        }
    }

    fn tell(&mut self, name: &'static str, count: u64) {
        *self.told.entry(name).or_default() += count;
    }

    /// Codes of some people under restriction, for links.
    pub fn some_restricted(&self, chaos: &mut Chaos) -> Option<String> {
        let person = self.restricted.get(chaos.below(self.restricted.len() as u64) as usize)?;
        self.codes.get(person).cloned()
    }

    /// Paragraph 4: what was acknowledged is there after the process was gone.
    pub async fn still_there(&mut self, node: &Node) {
        let store = node.app().store();
        let head = store.head().await.unwrap();
        assert!(head.size >= self.witness.0, "4: the log became shorter");
        let found = store.load_facts(&self.acknowledged).await.unwrap();
        let want: HashSet<FactId> = self.acknowledged.iter().copied().collect();
        assert_eq!(found.len(), want.len(), "4: an acknowledged fact is gone");
        self.tell("4 durable: acknowledged facts found after a restart", want.len() as u64);
    }

    /// Paragraphs 5 and 11: what became of the lines of a file.
    pub async fn take(&mut self, node: &Node, file: File, took: Took, deliveries: &mut Deliveries, hour: i64) {
        let store = node.app().store();
        let answered: HashMap<u64, Receipt> = took.answered.iter().copied().collect();
        let refused: HashMap<u64, &sizao_interop::RowError> = took.refused.iter().map(|row| (row.row, row)).collect();
        assert_eq!(
            took.report.accepted + took.report.rejected,
            file.lines.len() as u64,
            "11: every row is in or handed back"
        );
        let stored = took.answered.iter().filter(|(_, receipt)| matches!(receipt, Receipt::Stored { .. })).count();
        assert_eq!(
            store.size().await.unwrap(),
            took.size_before + stored as u64,
            "5: what came again is not stored again"
        );
        self.acknowledged.clear();
        for (index, line) in file.lines.iter().enumerate() {
            let row = index as u64 + 1;
            // Rows of a file that was cut off were dealt with before: whether they are in, the log says.
            if row <= took.report.resumed_after {
                if !matches!(line.why, Why::Good | Why::Again) || self.ids.contains_key(&line.label) {
                    continue;
                }
                let key: Box<str> = provisional_fact(SENDER, &line.label).to_string().into();
                let source = store.source(SENDER).await.unwrap();
                match store.find_by_sender_keys(source, &[key]).await.unwrap().values().next() {
                    Some(id) => {
                        self.acknowledged.push(*id);
                        self.remember(line, *id);
                        self.tell("4 durable: rows of a file cut off, found in the log", 1);
                    }
                    None if line.why == Why::Good => deliveries.once_more(line.clone(), hour),
                    None => {}
                }
                continue;
            }
            if let Some(error) = refused.get(&row) {
                let told = error.to_string();
                assert!(told.starts_with(&format!("Row {row}")), "11: the row is named: {told}");
                assert!(error.problems.iter().all(|problem| !problem.rule.is_empty() && !problem.cure.is_empty()));
                match line.why {
                    Why::Damaged => self.tell("11 bad input: damaged rows handed back", 1),
                    Why::Contradicts => {
                        let first = self.ids[&line.label].to_string();
                        assert!(told.contains(&first), "5: the first fact is named: {told}");
                        self.tell("5 idempotent: contradictions handed back, naming the first", 1);
                    }
                    Why::Good => {
                        assert!(told.contains("not in this store"), "11: a good row was handed back: {told}");
                        deliveries.once_more(line.clone(), hour);
                        self.tell("11 bad input: rows mended and sent again", 1);
                    }
                    Why::Again => {}
                }
                continue;
            }
            assert!(!matches!(line.why, Why::Damaged | Why::Contradicts), "11: a damaged row went in: {}", line.text);
            let Some(receipt) = answered.get(&row) else { panic!("5: no receipt for a row that is in: {}", line.text) };
            match (self.ids.get(&line.label), receipt) {
                (None, Receipt::Stored { id, .. } | Receipt::Repeat { id }) => {
                    self.acknowledged.push(*id);
                    self.remember(line, *id);
                    deliveries.is_in(line);
                }
                (Some(first), Receipt::Repeat { id }) => {
                    assert_eq!(first, id, "5: a repetition gives the first answer");
                    self.tell("5 idempotent: repetitions answered with the first", 1);
                }
                (first, receipt) => panic!("5: {} came as {receipt:?}; first: {first:?}", line.label),
            }
        }
    }

    fn remember(&mut self, line: &Line, id: FactId) {
        let fact: Value = serde_json::from_str(&line.text).unwrap();
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let person = fact["person"].as_str().and_then(|code| self.people.get(code)).copied();
        let (kind, body) = (fact["kind"].as_str().unwrap().to_owned(), &fact["body"]);
        match kind.as_str() {
            "identity_link" => {
                let other = body["other"].as_str().and_then(|code| self.people.get(code)).copied();
                if let (Some(one), Some(other)) = (person, other) {
                    let flows = body["basis"] != "automatic";
                    self.links.insert(line.label.clone(), Link { people: [one, other], flows });
                    self.tell(if flows { "links by document or person" } else { "automatic links" }, 1);
                }
            }
            "identity_unlink" => {
                if let Some(link) = body["link"].as_str().and_then(|label| self.links.get_mut(label)) {
                    link.flows = false;
                    self.tell("links undone", 1);
                }
            }
            "correction" => {
                if let Some(of) = body["of"].as_str().and_then(|label| self.ids.get(label)) {
                    self.corrected.insert(*of);
                }
            }
            _ => {}
        }
        self.ids.insert(line.label.clone(), id);
        self.tell("facts in the log", 1);
        self.facts.insert(id, Sent { kind, person, evidence: text(&body["evidence"]), of: text(&body["of"]) });
    }

    /// Everything that has to hold, now.
    pub async fn hold(&mut self, node: &Node, chaos: &mut Chaos, hour: i64) {
        let app = node.app();
        let now = app.now();
        self.went_back |= now < self.last_hour_at;
        self.last_hour_at = now;
        let (rows, refused) = app.store().list_assessments(None, u32::MAX >> 1).await.unwrap();
        assert_eq!(refused, 0, "8: a stored assessment does not fit its seal");
        let mut changed = Vec::new();
        self.restricted.clear();
        let mut answers: HashMap<PersonId, Assessment> = HashMap::new();
        for row in &rows {
            self.stored_row(row, now);
            if self.seen.get(&row.person) != Some(&row.answer) {
                let assessment: Assessment = serde_json::from_str(&row.answer).unwrap();
                self.evidence_and_end(&assessment, now);
                self.seen.insert(row.person, row.answer.clone());
                changed.push(row.person);
                answers.insert(row.person, assessment);
            }
        }
        self.links_flow(&rows);
        self.loops_close(node, now).await;
        self.explained(node, &changed, chaos).await;
        self.decisions_replay(node, &rows, chaos).await;
        self.need_to_know(node, chaos, hour).await;
        self.nothing_without_a_mandate(node, hour).await;
        self.log_only_grows(node, hour).await;
    }

    /// Paragraph 2: nothing is past its time, and colour is no more than what the measures say.
    fn stored_row(&mut self, row: &StoredAssessment, now: Instant) {
        assert!(row.next_change_at.is_none_or(|at| at > now), "2: a change was not announced in its time: {row:?}");
        assert!(
            row.strictness == 0 || row.ends_at.is_some_and(|at| at > now),
            "2: a restriction without an end: {row:?}"
        );
        if row.strictness > 0 {
            self.restricted.push(row.person);
        }
        assert!(row.colour != 3 || row.strictness > 0, "no red without a restriction: {row:?}");
        *self.told.entry("2 end: rows looked at").or_default() += 1;
    }

    /// Paragraphs 1, 2 and 10: on what each measure rests, and when it is over.
    fn evidence_and_end(&mut self, assessment: &Assessment, now: Instant) {
        for measure in &assessment.measures {
            let told = || format!("{} of {} at {now}: {measure:?}", measure.rule(), assessment.person);
            assert!(!measure.because().is_empty(), "1: no evidence: {}", told());
            for id in measure.because() {
                let Some(fact) = self.facts.get(id) else { panic!("1: evidence that nobody sent: {}", told()) };
                match fact.evidence.as_deref() {
                    Some("cell_location") => panic!("1: the cell of a phone opened a measure: {}", told()),
                    Some("list_row" | "payment" | "venue_scan" | "model") => {
                        let confirmed = measure.because().iter().any(|other| {
                            let of = self.facts.get(other).and_then(|other| other.of.as_ref());
                            of.and_then(|label| self.ids.get(label)) == Some(id)
                        });
                        assert!(confirmed, "1: a lead without a confirmation opened a measure: {}", told());
                    }
                    _ => {}
                }
                // The exposure of a close contact opens a measure for whoever met that contact: by an exposure of their own.
                let by_own = |id: &FactId| {
                    let fact = self.facts.get(id);
                    self.corrected.contains(id)
                        || fact.is_some_and(|fact| {
                            fact.kind == "exposure" && fact.person.is_some_and(|of| self.are_one(of, assessment.person))
                        })
                };
                let is_own = match fact.kind.as_str() {
                    "stay" | "arrival" => fact.person.is_none_or(|of| self.are_one(of, assessment.person)),
                    "exposure" => measure.because().iter().any(by_own),
                    _ => true,
                };
                let is_moved = self.corrected.contains(id);
                assert!(is_own || is_moved, "10: a fact of somebody else restricts: {}", told());
            }
            let lasts = measure.ends_at().as_micros() - measure.starts_at().as_micros();
            assert!(lasts > 0 && lasts <= MEASURE_DAYS_MAX * 86_400_000_000, "2: how long it lasts: {}", told());
            if measure.kind() == MeasureKind::CaseIsolation {
                let review = measure.review_at().unwrap_or_else(|| panic!("2: no review: {}", told()));
                assert!(review <= now.plus_hours(24 * REVIEW_DAYS_MAX + 24), "2: the review is far: {}", told());
            }
            *self.told.entry("1 evidence: measures traced to what was sent").or_default() += 1;
        }
    }

    /// Whether records are one human being by links that carry facts, over others too.
    fn are_one(&self, one: PersonId, other: PersonId) -> bool {
        let mut group = vec![one];
        let mut at = 0;
        while at < group.len() {
            let from = group[at];
            let next = self.links.values().filter(|link| link.flows).filter_map(|link| match link.people {
                [a, b] if a == from => Some(b),
                [a, b] if b == from => Some(a),
                _ => None,
            });
            let next: Vec<PersonId> = next.filter(|person| !group.contains(person)).collect();
            group.extend(next);
            at += 1;
        }
        group.contains(&other)
    }

    /// Paragraph 10: records that are one human being are restricted together.
    fn links_flow(&mut self, rows: &[StoredAssessment]) {
        let strict: HashMap<PersonId, i64> = rows.iter().map(|row| (row.person, row.strictness)).collect();
        let pairs: Vec<[PersonId; 2]> = self.links.values().filter(|link| link.flows).map(|link| link.people).collect();
        for [one, other] in &pairs {
            let of = |person| strict.get(person).copied().unwrap_or(0);
            assert_eq!(of(one) > 0, of(other) > 0, "10: linked by document, and only one is restricted: {one} {other}");
        }
        self.tell("10 links: pairs restricted together or not at all", pairs.len() as u64);
    }

    /// Paragraph 2 and the four clears: nothing is owed, and the numbers add up.
    async fn loops_close(&mut self, node: &Node, now: Instant) {
        let store = node.app().store();
        let owed = LoopQuery { within: DivisionCode::HENAN, filter: LoopFilter::Owed, unit: None, now };
        assert_eq!(store.count_loops(owed).await.unwrap(), 0, "2: conditions met and not released");
        let clears = node.app().four_clears(DivisionCode::HENAN, None).await.unwrap();
        assert!(clears.adds_up(), "the four clears do not add up: {clears:?}");
        self.tell("2 end: hours in which nothing was owed", 1);
    }

    /// Paragraph 3: the text is there in both languages, the same for officer and person, and speaks of nobody else.
    async fn explained(&mut self, node: &Node, changed: &[PersonId], chaos: &mut Chaos) {
        let app = node.app();
        let mut chosen: Vec<PersonId> = Vec::new();
        for _ in 0..EXPLAINED.min(changed.len()) {
            chosen.push(changed[chaos.below(changed.len() as u64) as usize]);
        }
        for (index, person) in chosen.into_iter().enumerate() {
            let own = app.explain(person, app.now(), app.now()).await.unwrap();
            self.words.check(person, &own.explanation);
            let findings = own.explanation.findings.iter().flat_map(Finding::walk);
            for finding in findings {
                assert!(!finding.zh.trim().is_empty() && !finding.en.trim().is_empty(), "3: a text is empty");
            }
            let rules: HashSet<&str> = own.assessment.measures.iter().map(|measure| measure.rule()).collect();
            let explained: HashSet<&str> =
                own.explanation.findings.iter().filter_map(|finding| finding.rule.as_deref()).collect();
            assert!(rules.is_subset(&explained), "3: a measure without its rule in words: {rules:?} {explained:?}");
            if index == 0 {
                let officer = actor(Role::Epidemiologist, 2, 3);
                let theirs = app.view_person(&officer, person, app.now()).await.unwrap();
                let mine = app.view_resident(person).await.unwrap();
                for chinese in [true, false] {
                    let texts = [&theirs.explained.explanation, &mine.explained.explanation];
                    let [officers, own] = texts.map(|text| text_digest(text, chinese));
                    assert_eq!(officers, own, "3: officer and person read different texts");
                }
                self.tell("3 explained: texts of officer and person compared", 2);
            }
            self.tell("3 explained: texts searched for anybody else", 1);
        }
    }

    /// Paragraph 9: what was decided is decided again, from the log alone, also as it was known then.
    async fn decisions_replay(&mut self, node: &Node, rows: &[StoredAssessment], chaos: &mut Chaos) {
        let app = node.app();
        let now = app.now();
        for _ in 0..rows.len().min(2) {
            let row = &rows[chaos.below(rows.len() as u64) as usize];
            let again = app.assess(row.person, now, now).await.unwrap().assessment;
            let stored: Assessment = serde_json::from_str(&row.answer).unwrap();
            assert_eq!(again.measures, stored.measures, "9: what is stored is not what the log says of {}", row.person);
            assert_eq!(again.colour, stored.colour, "9: {}", row.person);
            if self.decisions.len() < DECISIONS {
                self.decisions.push((row.person, now, serde_json::to_string(&again).unwrap()));
            } else {
                let index = chaos.below(DECISIONS as u64) as usize;
                self.decisions[index] = (row.person, now, serde_json::to_string(&again).unwrap());
            }
            self.tell("9 replay: stored decisions equal to the log", 1);
        }
        for _ in 0..self.decisions.len().min(2) {
            let (person, at, answer) = &self.decisions[chaos.below(self.decisions.len() as u64) as usize];
            // What was put down by a clock that was behind belongs to that hour too; the moment itself has to be over.
            if *at > now.plus_minutes(-10) {
                continue;
            }
            let again = app.assess(*person, *at, *at).await.unwrap().assessment;
            assert_eq!(&serde_json::to_string(&again).unwrap(), answer, "9: the decision of {at} about {person}");
            self.tell("9 replay: old decisions as they were known then", 1);
        }
    }

    /// Paragraph 6: another city sees nobody here, and who looks is on record.
    async fn need_to_know(&mut self, node: &Node, chaos: &mut Chaos, hour: i64) {
        let Some(code) = self.some_restricted(chaos).filter(|_| hour % 2 == 0) else { return };
        let (app, person) = (node.app(), self.people[&code]);
        let now = app.now();
        let before = app.store().accesses_of(person, 5_000).await.unwrap().len();
        let mut foreign = actor(Role::Epidemiologist, 9, 9);
        foreign.division = DivisionCode::parse("4103").unwrap();
        assert!(app.view_person(&foreign, person, now).await.is_err(), "6: another city opened somebody");
        for role in [Role::Operator, Role::UnitAdmin, Role::Auditor, Role::Lab] {
            assert!(app.view_person(&actor(role, 2, 10), person, now).await.is_err(), "6: {role:?} opened somebody");
        }
        let officer = actor(Role::Epidemiologist, 2, 3);
        app.view_person(&officer, person, now).await.unwrap();
        let after = app.store().accesses_of(person, 5_000).await.unwrap().len();
        assert_eq!(after, before + 1, "6: who looked is on record, once");
        self.tell("6 need to know: refused and recorded", 1);
    }

    /// Paragraph 7: without a mandate nothing is taken.
    async fn nothing_without_a_mandate(&mut self, node: &Node, hour: i64) {
        let (app, sender) = (node.app(), actor(Role::Epidemiologist, 2, 3));
        let size = app.store().size().await.unwrap();
        assert!(app.require_mandate(Collection::Movement, zhengzhou()).await.is_err());
        let code = self.codes.values().min().cloned().unwrap_or_default();
        let line = serde_json::json!({"id": format!("without-{hour}"), "kind": "arrival", "person": code,
            "happened": {"at": app.now()}, "body": {"from": "310115", "into": "410102", "evidence": "checkpoint"}});
        let batch = FactBatch::new(&sender, &format!("without-{hour}"), line.to_string().into_bytes()).unwrap();
        assert!(app.take_facts(&sender, batch, app.now()).await.is_err(), "7: taken without a mandate");
        assert_eq!(app.store().size().await.unwrap(), size, "7: stored without a mandate");
        self.tell("7 minimal: refused without a mandate, nothing stored", 1);
    }

    /// Paragraph 8: the log begins with what a witness saw an hour ago; once a day all of it is read.
    async fn log_only_grows(&mut self, node: &Node, hour: i64) {
        let store = node.app().store();
        let proof = store.prove_consistency(self.witness.0).await.unwrap();
        assert!(proof.holds(), "8: the proof does not hold");
        assert!(self.witness.0 == 0 || proof.old_root == self.witness.1, "8: the log was rewritten");
        self.witness = (proof.checkpoint.size, proof.checkpoint.root);
        self.tell("8 tamper-evident: log begins with what the witness saw", 1);
        if hour % 24 == 23 {
            let verified = store.verify(|_| {}).await.unwrap();
            assert!(verified.is_sound(), "8: {:?}", verified.findings);
            assert_eq!((verified.leaves, verified.root), self.witness, "8: another root");
            self.tell("8 tamper-evident: whole log verified", 1);
        }
    }

    /// After the last hour: everything that was sent is in, once; a rebuild gives the same.
    pub async fn at_the_end(&mut self, node: &Node, deliveries: &Deliveries) {
        let app = node.app();
        let by_key = self.ids.len() as u64;
        let distinct: HashSet<FactId> = self.ids.values().copied().collect();
        assert_eq!(distinct.len() as u64, by_key, "5: two keys, one fact");
        assert!(by_key + deliveries.left() >= deliveries.good, "4: {by_key} of {} are in", deliveries.good);
        self.tell("rows that would have come after the last hour", deliveries.good - by_key.min(deliveries.good));
        let before = rows_by_person(node).await;
        app.rebuild(|_| {}).await.unwrap();
        app.announce_changes(app.now()).await.unwrap();
        assert_eq!(rows_by_person(node).await, before, "9: a rebuild from the log gives other assessments");
        self.tell("9 replay: assessments equal after a rebuild", before.len() as u64);
    }
}

async fn rows_by_person(node: &Node) -> BTreeMap<PersonId, String> {
    let (rows, _) = node.app().store().list_assessments(None, u32::MAX >> 1).await.unwrap();
    rows.into_iter().map(|row| (row.person, row.answer)).collect()
}
