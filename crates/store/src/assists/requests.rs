//! Requests, their lines and their log.

use sizao_model::{
    Instant, PersonId,
    assist::{LineNo, RequestId},
};
use uuid::Uuid;

use super::{AssistTx, digest, instant, person};
use crate::{
    bulk::{self, Column},
    db::{on, positional},
    error::StoreError,
    store::Store,
};

/// A request or a challenge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AssistRecord {
    /// Its id.
    pub id: RequestId,
    /// 0 request, 1 challenge.
    pub kind: i64,
    /// The other node.
    pub peer: Uuid,
    /// Whether we ask.
    pub ours: bool,
    /// Versions and clocks, as JSON.
    pub head: String,
    /// The newest list without its lines, or the challenge, as JSON.
    pub said: String,
    /// When it began here.
    pub opened_at: Instant,
    /// When its last line became final.
    pub closed_at: Option<Instant>,
    /// Version of the list.
    pub version: u32,
}

/// A line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AssistLineRecord {
    /// Its number.
    pub no: LineNo,
    /// Its clocks and state, as JSON.
    pub state: String,
    /// What the list says of it, as JSON.
    pub said: String,
    /// Its newest reply, as JSON.
    pub answer: Option<String>,
    /// 0 open, 1 to 6 in the order of the outcomes, 7 withdrawn.
    pub outcome: i64,
    /// 人头, 位置, 管控.
    pub known: [bool; 3],
    /// When what waits for a reply was received, while it waits.
    pub received_at: Option<Instant>,
    /// By when it has to be answered, while it waits and its breach is not on record.
    pub due_at: Option<Instant>,
    /// In our own vault.
    pub person: Option<PersonId>,
    /// The same for the same person.
    pub task: Option<Vec<u8>>,
    /// Who it is, sealed to the receiving node.
    pub seal: Option<Vec<u8>>,
    /// Where, sealed to the asking node.
    pub answer_seal: Option<Vec<u8>>,
}

/// A line of a request's log: which envelope said what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AssistLogLine {
    /// When, by the clock of who said it.
    pub at: Instant,
    /// Who said it.
    pub node: Uuid,
    /// The envelope's number.
    pub seq: u64,
    /// What, as a word.
    pub word: String,
    /// How many lines, which version.
    pub told: String,
    /// The envelope's digest.
    pub digest: [u8; 32],
}

/// Which requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AssistWhich {
    /// Those that are open.
    Open,
    /// Those that are closed.
    Closed,
    /// All.
    All,
}

/// Lines of a request that stand alike, counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AssistCount {
    /// Of which request.
    pub request: RequestId,
    /// Their outcome.
    pub outcome: i64,
    /// 人头, 位置, 管控.
    pub known: [bool; 3],
    /// How many.
    pub lines: u64,
    /// When the first of those still open was received.
    pub received_at: Option<Instant>,
}

struct RequestRow {
    id: Uuid,
    kind: i64,
    peer: Uuid,
    ours: i64,
    head: String,
    said: String,
    opened_at: i64,
    closed_at: Option<i64>,
    version: i64,
}
positional!(RequestRow { id: 0, kind: 1, peer: 2, ours: 3, head: 4, said: 5, opened_at: 6, closed_at: 7, version: 8 });

struct LineRow {
    no: i64,
    state: String,
    said: String,
    answer: Option<String>,
    outcome: i64,
    identified: i64,
    placed: i64,
    controlled: i64,
    received_at: Option<i64>,
    due_at: Option<i64>,
    person: Option<Uuid>,
    task: Option<Vec<u8>>,
    seal: Option<Vec<u8>>,
    answer_seal: Option<Vec<u8>>,
}
positional!(LineRow {
    no: 0,
    state: 1,
    said: 2,
    answer: 3,
    outcome: 4,
    identified: 5,
    placed: 6,
    controlled: 7,
    received_at: 8,
    due_at: 9,
    person: 10,
    task: 11,
    seal: 12,
    answer_seal: 13,
});

struct CountRow {
    request: Uuid,
    outcome: i64,
    identified: i64,
    placed: i64,
    controlled: i64,
    lines: i64,
    received_at: Option<i64>,
}
positional!(CountRow { request: 0, outcome: 1, identified: 2, placed: 3, controlled: 4, lines: 5, received_at: 6 });

macro_rules! requests {
    ($rest:literal) => {
        concat!("SELECT id, kind, peer, ours, head, said, opened_at, closed_at, version FROM assist_request ", $rest)
    };
}

macro_rules! lines {
    ($rest:literal) => {
        concat!(
            "SELECT no, state, said, answer, outcome, identified, placed, controlled, received_at, due_at, person, task, \
             seal, answer_seal FROM assist_line ",
            $rest
        )
    };
}

macro_rules! counts {
    ($rest:literal) => {
        concat!(
            "SELECT l.request, l.outcome, l.identified, l.placed, l.controlled, COUNT(*), MIN(l.received_at) FROM assist_line l ",
            $rest,
            " GROUP BY l.request, l.outcome, l.identified, l.placed, l.controlled"
        )
    };
}

impl Store {
    /// Requests and challenges, the earliest open ones first; at most `limit`.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn list_assists(&self, which: AssistWhich, limit: u32) -> Result<Vec<AssistRecord>, StoreError> {
        let limit = i64::from(limit);
        let rows: Vec<RequestRow> = on!(self.db.reader(), pool => {
            match which {
                AssistWhich::Open => sqlx::query_as(requests!("WHERE closed_at IS NULL ORDER BY opened_at, id LIMIT $1")),
                AssistWhich::Closed => {
                    sqlx::query_as(requests!("WHERE closed_at IS NOT NULL ORDER BY closed_at DESC, id LIMIT $1"))
                }
                AssistWhich::All => sqlx::query_as(requests!("ORDER BY opened_at, id LIMIT $1")),
            }
            .bind(limit).fetch_all(pool).await?
        });
        Ok(rows.into_iter().map(RequestRow::into_record).collect())
    }

    /// One request or challenge.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn load_assist(&self, id: RequestId) -> Result<Option<AssistRecord>, StoreError> {
        let row: Option<RequestRow> = on!(self.db.reader(), pool => {
            sqlx::query_as(requests!("WHERE id = $1")).bind(id.uuid()).fetch_optional(pool).await?
        });
        Ok(row.map(RequestRow::into_record))
    }

    /// Lines of a request after a number, in order; at most `limit`.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn list_assist_lines(
        &self,
        id: RequestId,
        after: LineNo,
        limit: u32,
    ) -> Result<Vec<AssistLineRecord>, StoreError> {
        let rows: Vec<LineRow> = on!(self.db.reader(), pool => {
            sqlx::query_as(lines!("WHERE request = $1 AND no > $2 ORDER BY no LIMIT $3"))
                .bind(id.uuid()).bind(i64::from(after)).bind(i64::from(limit)).fetch_all(pool).await?
        });
        Ok(rows.into_iter().map(LineRow::into_record).collect())
    }

    /// Lines of one request that stand alike, counted.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn count_assist_lines(&self, id: RequestId) -> Result<Vec<AssistCount>, StoreError> {
        let rows: Vec<CountRow> = on!(self.db.reader(), pool => {
            sqlx::query_as(counts!("WHERE l.request = $1")).bind(id.uuid()).fetch_all(pool).await?
        });
        Ok(rows.into_iter().map(CountRow::into_count).collect())
    }

    /// Lines of the open requests that stand alike, counted.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn count_open_assist_lines(&self) -> Result<Vec<AssistCount>, StoreError> {
        let rows: Vec<CountRow> = on!(self.db.reader(), pool => {
            sqlx::query_as(counts!("JOIN assist_request r ON r.id = l.request WHERE r.closed_at IS NULL"))
                .fetch_all(pool).await?
        });
        Ok(rows.into_iter().map(CountRow::into_count).collect())
    }

    /// Lines, of requests made to us, for the same person, that wait for a reply: request and number.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn assist_task(&self, task: &[u8]) -> Result<Vec<(RequestId, LineNo)>, StoreError> {
        let rows: Vec<(Uuid, i64)> = on!(self.db.reader(), pool => {
            sqlx::query_as(
                "SELECT l.request, l.no FROM assist_line l JOIN assist_request r ON r.id = l.request \
                 WHERE l.task = $1 AND r.ours = 0 AND l.outcome = 0 ORDER BY l.request, l.no",
            )
            .bind(task).fetch_all(pool).await?
        });
        Ok(rows.into_iter().map(|(request, no)| (RequestId::new(request), no as LineNo)).collect())
    }

    /// Requests made to us with a line that ran out before a moment and is not on record yet; at most `limit`.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn assists_run_out(&self, now: Instant, limit: u32) -> Result<Vec<RequestId>, StoreError> {
        let rows: Vec<(Uuid,)> = on!(self.db.reader(), pool => {
            sqlx::query_as(
                "SELECT DISTINCT l.request FROM assist_line l JOIN assist_request r ON r.id = l.request \
                 WHERE l.due_at < $1 AND r.ours = 0 ORDER BY l.request LIMIT $2",
            )
            .bind(now.as_micros()).bind(i64::from(limit)).fetch_all(pool).await?
        });
        Ok(rows.into_iter().map(|(id,)| RequestId::new(id)).collect())
    }

    /// The log of a request, in the order that is the same on both sides.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn assist_log(&self, id: RequestId) -> Result<Vec<AssistLogLine>, StoreError> {
        let rows: Vec<(i64, Uuid, i64, String, String, Vec<u8>)> = on!(self.db.reader(), pool => {
            sqlx::query_as(
                "SELECT at, node, seq, word, told, digest FROM assist_log WHERE request = $1 ORDER BY at, node, seq",
            )
            .bind(id.uuid()).fetch_all(pool).await?
        });
        let line = |(at, node, seq, word, told, bytes): (i64, Uuid, i64, String, String, Vec<u8>)| AssistLogLine {
            at: Instant::from_micros(at),
            node,
            seq: seq as u64,
            word,
            told,
            digest: digest(bytes),
        };
        Ok(rows.into_iter().map(line).collect())
    }
}

impl AssistTx<'_> {
    /// One request or challenge.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn load(&mut self, id: RequestId) -> Result<Option<AssistRecord>, StoreError> {
        let row: Option<RequestRow> = on!(&mut self.tx, tx => {
            sqlx::query_as(requests!("WHERE id = $1")).bind(id.uuid()).fetch_optional(&mut **tx).await?
        });
        Ok(row.map(RequestRow::into_record))
    }

    /// Keeps a request or challenge.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn save(&mut self, record: &AssistRecord) -> Result<(), StoreError> {
        on!(&mut self.tx, tx => {
            sqlx::query(
                "INSERT INTO assist_request (id, kind, peer, ours, head, said, opened_at, closed_at, version) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (id) DO UPDATE SET head = excluded.head, \
                 said = excluded.said, closed_at = excluded.closed_at, version = excluded.version",
            )
            .bind(record.id.uuid()).bind(record.kind).bind(record.peer).bind(i64::from(record.ours)).bind(&record.head)
            .bind(&record.said).bind(record.opened_at.as_micros()).bind(record.closed_at.map(Instant::as_micros))
            .bind(i64::from(record.version)).execute(&mut **tx).await?;
        });
        Ok(())
    }

    /// Lines of a request: some, or all.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn lines(&mut self, id: RequestId, some: Option<&[LineNo]>) -> Result<Vec<AssistLineRecord>, StoreError> {
        let mut rows: Vec<LineRow> = Vec::new();
        on!(&mut self.tx, tx => {
            match some {
                None => {
                    rows = sqlx::query_as(lines!("WHERE request = $1 ORDER BY no")).bind(id.uuid())
                        .fetch_all(&mut **tx).await?;
                }
                Some(some) => {
                    for no in some {
                        let row: Option<LineRow> = sqlx::query_as(lines!("WHERE request = $1 AND no = $2"))
                            .bind(id.uuid()).bind(i64::from(*no)).fetch_optional(&mut **tx).await?;
                        rows.extend(row);
                    }
                }
            }
        });
        Ok(rows.into_iter().map(LineRow::into_record).collect())
    }

    /// How many lines of a request are open, and the latest final reply.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn open_lines(&mut self, id: RequestId) -> Result<u64, StoreError> {
        let count: i64 = on!(&mut self.tx, tx => {
            sqlx::query_scalar("SELECT COUNT(*) FROM assist_line WHERE request = $1 AND outcome = 0")
                .bind(id.uuid()).fetch_one(&mut **tx).await?
        });
        Ok(count as u64)
    }

    /// Keeps lines of a request.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn save_lines(&mut self, id: RequestId, lines: &[AssistLineRecord]) -> Result<(), StoreError> {
        let ints = |value: fn(&AssistLineRecord) -> i64| Column::Int(lines.iter().map(value).collect());
        let times = |value: fn(&AssistLineRecord) -> Option<Instant>| {
            Column::OptInt(lines.iter().map(|line| value(line).map(Instant::as_micros)).collect())
        };
        let bytes = |value: fn(&AssistLineRecord) -> &Option<Vec<u8>>| {
            Column::OptBytes(lines.iter().map(|line| value(line).clone()).collect())
        };
        let columns = [
            ("request", Column::Id(vec![id.uuid(); lines.len()])),
            ("no", ints(|line| line.no.into())),
            ("state", Column::Text(lines.iter().map(|line| line.state.clone()).collect())),
            ("said", Column::Text(lines.iter().map(|line| line.said.clone()).collect())),
            ("answer", Column::OptText(lines.iter().map(|line| line.answer.clone()).collect())),
            ("outcome", ints(|line| line.outcome)),
            ("identified", ints(|line| line.known[0].into())),
            ("placed", ints(|line| line.known[1].into())),
            ("controlled", ints(|line| line.known[2].into())),
            ("received_at", times(|line| line.received_at)),
            ("due_at", times(|line| line.due_at)),
            ("person", Column::OptId(lines.iter().map(|line| line.person.map(PersonId::uuid)).collect())),
            ("task", bytes(|line| &line.task)),
            ("seal", bytes(|line| &line.seal)),
            ("answer_seal", bytes(|line| &line.answer_seal)),
        ];
        let conflict = "ON CONFLICT (request, no) DO UPDATE SET state = excluded.state, said = excluded.said, \
             answer = excluded.answer, outcome = excluded.outcome, identified = excluded.identified, \
             placed = excluded.placed, controlled = excluded.controlled, received_at = excluded.received_at, \
             due_at = excluded.due_at, person = excluded.person, task = excluded.task, seal = excluded.seal, \
             answer_seal = excluded.answer_seal";
        bulk::insert(&mut self.tx, "assist_line", conflict, &columns).await
    }

    /// Adds to the log of a request.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn log(&mut self, id: RequestId, line: &AssistLogLine) -> Result<(), StoreError> {
        on!(&mut self.tx, tx => {
            sqlx::query(
                "INSERT INTO assist_log (request, at, node, seq, word, told, digest) VALUES ($1, $2, $3, $4, $5, $6, $7)",
            )
            .bind(id.uuid()).bind(line.at.as_micros()).bind(line.node).bind(line.seq as i64).bind(&line.word)
            .bind(&line.told).bind(line.digest.to_vec()).execute(&mut **tx).await?;
        });
        Ok(())
    }
}

impl RequestRow {
    fn into_record(self) -> AssistRecord {
        AssistRecord {
            id: RequestId::new(self.id),
            kind: self.kind,
            peer: self.peer,
            ours: self.ours != 0,
            head: self.head,
            said: self.said,
            opened_at: Instant::from_micros(self.opened_at),
            closed_at: instant(self.closed_at),
            version: self.version as u32,
        }
    }
}

impl LineRow {
    fn into_record(self) -> AssistLineRecord {
        AssistLineRecord {
            no: self.no as LineNo,
            state: self.state,
            said: self.said,
            answer: self.answer,
            outcome: self.outcome,
            known: [self.identified != 0, self.placed != 0, self.controlled != 0],
            received_at: instant(self.received_at),
            due_at: instant(self.due_at),
            person: person(self.person),
            task: self.task,
            seal: self.seal,
            answer_seal: self.answer_seal,
        }
    }
}

impl CountRow {
    fn into_count(self) -> AssistCount {
        AssistCount {
            request: RequestId::new(self.request),
            outcome: self.outcome,
            known: [self.identified != 0, self.placed != 0, self.controlled != 0],
            lines: self.lines as u64,
            received_at: instant(self.received_at),
        }
    }
}
