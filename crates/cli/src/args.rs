//! What can be typed.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};
use sizao_model::{CivilDay, Instant, fact::RetentionClass};

/// Stops outbreaks early: facts in, measures out, each with evidence and an end.
#[derive(Parser, Debug)]
#[command(name = "sizao", version, propagate_version = true, after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    pub node: NodeArgs,
    /// Answer in JSON, one object a line.
    #[arg(long, global = true)]
    pub json: bool,
    #[command(subcommand)]
    pub command: Command,
}

const EXAMPLES: &str = "\
Examples:
  sizao init                                            make a store in this folder, with its key
  sizao import cases.csv --mapping mappings/cases.toml  take in a list; bad rows come back in a file
  sizao log verify                                      check every fact and the whole tree
  sizao doctor                                          what is wrong, and how to mend it";

/// Which store, with which key.
#[derive(ClapArgs, Debug, Clone)]
pub struct NodeArgs {
    /// The store: a SQLite file, or postgres://user@host/database.
    #[arg(long, global = true, env = "SIZAO_STORE", default_value = "sizao.db", value_name = "PLACE")]
    pub store: String,
    /// File with the master key; without it, the store's name with `.key`. SIZAO_MASTER_KEY may hold the key itself.
    #[arg(long, global = true, env = "SIZAO_KEY_FILE", value_name = "FILE")]
    pub key: Option<PathBuf>,
}

#[derive(Subcommand, Debug)]
pub enum Command {
    /// Make an empty store and its keys.
    Init(Init),
    /// What the packs make of the facts of a file; needs no store.
    #[command(after_help = ASSESS_EXAMPLES)]
    Assess(Assess),
    /// Published pairs of 2020, or an invented city: data to look at and to measure with.
    #[command(subcommand)]
    Demo(Demo),
    /// Where points lie, and who seems to have come in.
    #[command(subcommand)]
    Fence(crate::commands::Fence),
    /// Serve pages; the first start prints a one-time link for the first administrator.
    #[command(after_help = crate::commands::serve::EXAMPLES)]
    Serve(crate::commands::serve::Serve),
    /// Take in a file by a mapping.
    #[command(after_help = IMPORT_EXAMPLES)]
    Import(Import),
    /// Formats of laboratories and certificates: run samples with expected outcomes.
    #[command(subcommand)]
    Interop(crate::commands::interop::Interop),
    /// The ledger of stays: lists in, days closed and dropped, export without identities.
    #[command(subcommand, after_help = crate::commands::ledger::EXAMPLES)]
    Ledger(crate::commands::ledger::Ledger),
    /// Closed loops: what is late, the four clears, catching up.
    #[command(subcommand)]
    Loop(crate::commands::loops::Loop),
    /// Other nodes: this node's card, and theirs.
    #[command(subcommand, after_help = crate::commands::assist::EXAMPLES)]
    Assist(crate::commands::assist::Assist),
    /// Passes: the key, and checking them without a network.
    #[command(subcommand)]
    Pass(crate::commands::pass::Pass),
    /// The log: verify, prove, export, restore.
    #[command(subcommand)]
    Log(Log),
    /// Write everything needed to restore the store into one file (.zst is compressed).
    Backup {
        /// File to write.
        file: PathBuf,
    },
    /// Write all facts for another store or program, without names.
    Export(crate::commands::export::Export),
    /// Pool sizes and mass rounds.
    #[command(subcommand)]
    Plan(crate::commands::plan::Plan),
    /// Make a store from a backup; only where there is none.
    Restore {
        /// File that `sizao backup` wrote.
        file: PathBuf,
    },
    /// Destroy the bodies of one retention class and day, with their key.
    Erase(Erase),
    /// At the end of a policy: destroy everything about people up to a day, and write a file for witnesses.
    Destroy(Destroy),
    /// Master key: rotate, recovery kit.
    #[command(subcommand)]
    Keys(Keys),
    /// Derived tables.
    #[command(subcommand)]
    Store(StoreCommand),
    /// Policy packs: check, test, sign, compare, adopt.
    #[command(subcommand)]
    Policy(crate::commands::policy::Policy),
    /// Surveillance statistics: detectors, reproduction numbers, nowcasts, joined signals, their proofs; needs no store.
    #[command(subcommand)]
    Epi(crate::commands::epi::Epi),
    /// Contacts, contacts of contacts and visitors from a ledger of stays; sources; chains. Needs no store.
    Trace(Box<crate::commands::trace::Trace>),
    /// Say what is wrong with this node and how to mend it.
    Doctor,
    /// Print completions for a shell.
    Completions {
        /// Which shell.
        shell: clap_complete::Shell,
    },
}

const IMPORT_EXAMPLES: &str = "\
Examples:
  sizao import cases.csv --mapping cases.toml --dry-run   read and check, store nothing
  sizao import cases.csv --mapping cases.toml             store; go on where a killed import stopped
  sizao import cases-bad.csv --mapping cases.toml         send the mended rows again
  sizao import results.hl7 --format hl7v2 --sender lab-7  take in messages of a laboratory

Exit codes: 0 all rows are in, 2 the good rows are in and others came back, 1 nothing could be read or stored.";

const ASSESS_EXAMPLES: &str = "\
Example:
  sizao assess --facts facts.ndjson --packs policies/cn-covid-v8,policies/cn-covid-v9 \\
      --known-at 2022-03-17T09:30:00+08:00 --at 2022-03-17T09:30:00+08:00";

#[derive(ClapArgs, Debug)]
pub struct Assess {
    /// Facts, one JSON object a line.
    #[arg(long)]
    pub facts: PathBuf,
    /// Folders of packs, separated by commas; without any, those that come with the program.
    #[arg(long, value_delimiter = ',')]
    pub packs: Vec<PathBuf>,
    /// Only facts recorded by then exist.
    #[arg(long, value_parser = parse_instant)]
    pub known_at: Instant,
    /// The moment the answer is for.
    #[arg(long, value_parser = parse_instant)]
    pub at: Instant,
}

/// What a store is for.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Real people.
    Real,
    /// Data to look at; times of recording may be simulated.
    Demo,
    /// An exercise; times of recording may be simulated.
    Drill,
}

#[derive(ClapArgs, Debug)]
pub struct Init {
    /// What the store is for. It can never be changed.
    #[arg(long, value_enum, default_value = "real")]
    pub kind: Kind,
}

#[derive(Subcommand, Debug)]
pub enum Demo {
    /// Import the published transmission pairs of early 2020 and report on them.
    Pairs(DemoPairs),
    /// Write an invented city: people, facts, stays, an outbreak, and the truth beside them.
    City(DemoCity),
    /// Serve pages with the pairs and a small invented city, and accounts for every role.
    Pages(crate::commands::demo::pages::DemoPages),
    /// Two cities with a node each: requests under way between them, and the pages of both.
    TwoCities(crate::commands::demo::two_cities::TwoCities),
}

#[derive(ClapArgs, Debug)]
pub struct DemoPairs {
    /// Folder for the store; one that is there is made anew.
    #[arg(long, default_value = "demo")]
    pub out: PathBuf,
    /// Day on which everybody is assessed.
    #[arg(long, value_parser = parse_day, default_value = "2020-02-05")]
    pub on: CivilDay,
    /// Hours from an infector's confirmation to the contact's measure, for the counterfactual.
    #[arg(long, default_value_t = 24)]
    pub hours: i64,
}

#[derive(ClapArgs, Debug)]
pub struct DemoCity {
    /// How many people.
    #[arg(long, default_value_t = 10_000)]
    pub people: u32,
    /// How many days.
    #[arg(long, default_value_t = 14)]
    pub days: u32,
    /// The same seed gives the same city, byte for byte.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Folder to write to.
    #[arg(long)]
    pub out: PathBuf,
}

#[derive(ClapArgs, Debug)]
pub struct Import {
    /// CSV (UTF-8 or GB18030) or XLSX with a mapping, NDJSON (one fact a line) without, or messages with --format.
    pub file: PathBuf,
    /// Which columns mean what: a TOML file.
    #[arg(long)]
    pub mapping: Option<PathBuf>,
    /// Form of messages of a laboratory; tables and facts need none.
    #[arg(long, value_enum, conflicts_with = "mapping")]
    pub format: Option<Format>,
    /// Folders of packs by which people are assessed, separated by commas; without any, those of the program.
    #[arg(long, value_delimiter = ',')]
    pub packs: Vec<PathBuf>,
    /// Name of the list; without it, the digest of the file. The same list again changes nothing.
    #[arg(long)]
    pub list: Option<String>,
    /// Of facts and messages: who gives the ids in them; files of one sender refer to each other's, and a result that
    /// came before is known again. Without it, the list.
    #[arg(long)]
    pub sender: Option<String>,
    /// Read and check only; nothing is stored.
    #[arg(long)]
    pub dry_run: bool,
    /// File for the rows that are handed back; without it, the file's name with `-bad`.
    #[arg(long, value_name = "FILE")]
    pub bad_rows: Option<PathBuf>,
}

/// Forms of laboratories' messages.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// HL7 v2 ORU^R01: messages, a batch of them, or frames of MLLP.
    Hl7v2,
    /// FHIR R4 in JSON: a bundle or report, or one on each line.
    Fhir,
}

#[derive(Subcommand, Debug)]
pub enum Log {
    /// Check every fact, the tree, the signatures and the guards.
    Verify,
    /// Prove that a fact is in the log, or that the log begins with an earlier one.
    Prove {
        /// Id of the fact.
        #[arg(long, conflicts_with = "since", required_unless_present = "since")]
        fact: Option<String>,
        /// Number of leaves of the earlier log.
        #[arg(long, value_name = "SIZE")]
        since: Option<u64>,
    },
    /// Print the signed head of the log, to be kept by a witness.
    Checkpoint,
    /// Write what an outsider verifies with docs/verify.py; with --complete, what restore needs.
    Export {
        /// File to write (.zst is compressed); - for standard output.
        file: PathBuf,
        /// Sealed bodies, wrapped keys and the vault too.
        #[arg(long)]
        complete: bool,
    },
    /// Make a store from a complete export; only where there is none.
    Restore {
        /// File that `sizao log export --complete` wrote.
        file: PathBuf,
    },
}

#[derive(ClapArgs, Debug)]
pub struct Erase {
    /// Which class of facts.
    #[arg(long, value_parser = parse_class)]
    pub class: RetentionClass,
    /// Day on which they were recorded.
    #[arg(long, value_parser = parse_day)]
    pub recorded_on: CivilDay,
    /// Law or order on which it rests; it stays in the log.
    #[arg(long)]
    pub basis: String,
}

/// What goes at the end of a policy, before whom.
#[derive(ClapArgs, Debug)]
pub struct Destroy {
    /// Last day of recording that goes.
    #[arg(long, value_parser = parse_day)]
    pub until: CivilDay,
    /// Law or order on which it rests; it stays in the log.
    #[arg(long)]
    pub basis: String,
    /// Name and office of a witness; at least two.
    #[arg(long = "witness", required = true)]
    pub witnesses: Vec<String>,
    /// File for the witnesses.
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// Records of illness too, which the law on medical records keeps longer.
    #[arg(long)]
    pub with_cases: bool,
}

#[derive(Subcommand, Debug)]
pub enum Keys {
    /// Lock the store with a new master key. No fact is touched.
    Rotate,
    /// Split the master key into three parts, any two of which give it back. Prints them once.
    RecoveryKit,
    /// Put the master key together from two parts and write the key file.
    Recover {
        /// Parts of the kit, two or more.
        #[arg(required = true, num_args = 2..)]
        parts: Vec<String>,
    },
}

#[derive(Subcommand, Debug)]
pub enum StoreCommand {
    /// Forget everything derived and make it again from the log.
    Rebuild,
    /// After an upgrade from before accounts were sealed: seal the accounts and units that are there. Look at the list of
    /// accounts first: what is in it then may sign in.
    SealAccounts,
}

fn parse_class(text: &str) -> Result<RetentionClass, String> {
    RetentionClass::ALL
        .into_iter()
        .find(|class| class.name() == text)
        .ok_or_else(|| format!("classes are {}", RetentionClass::ALL.map(RetentionClass::name).join(", ")))
}

fn parse_day(text: &str) -> Result<CivilDay, String> {
    CivilDay::parse(text).map_err(|error| error.to_string())
}

/// Reads an instant of the command line.
pub fn parse_instant(text: &str) -> Result<Instant, String> {
    Instant::parse(text).map_err(|error| error.to_string())
}
