//! Who may do what, to what, and what for: one table, read by every use case and by the predicate of every list.

use sizao_model::DivisionCode;

use crate::{
    identity::{Actor, Role, named},
    refusal::Refusal,
};

named! {
    /// What is asked.
    Action {
        /// Sums of a division, on the board (态势).
        ViewBoard = "view-board",
        /// Masked lists and search.
        ListPeople = "list-people",
        /// One person's facts, measures and reasons, masked.
        ViewPerson = "view-person",
        /// Put on record that a fact was wrong (更正).
        CorrectFacts = "correct-facts",
        /// Name, papers and telephone in full, with a reason (查看身份).
        OpenIdentity = "open-identity",
        /// Open somebody outside one's division or protected, for a reason and a short time (破窗).
        BreakGlass = "break-glass",
        /// Put people under protection (保护人员), and take it away.
        ProtectPeople = "protect-people",
        /// Bring in a list of facts (导入).
        Import = "import",
        /// See which mandates hold (采集授权).
        ViewMandates = "view-mandates",
        /// Propose a mandate, put the second signature, end one.
        GiveMandates = "give-mandates",
        /// Read packs, in force and coming (方案).
        ViewPacks = "view-packs",
        /// See what packs would change for people.
        ComparePacks = "compare-packs",
        /// Bring in a pack, propose to adopt it, put the second signature.
        AdoptPacks = "adopt-packs",
        /// Enter units and accounts, close them.
        ManageAccounts = "manage-accounts",
        /// Make tokens for programs that act on one's behalf (接口令牌).
        MakeTokens = "make-tokens",
        /// See who looked at whom and why.
        ViewAccess = "view-access",
        /// See whose proposals stand out, and decide about freezes (异常监测).
        WatchProposals = "watch-proposals",
        /// Read batches that wait for a second person, and confirm or refuse them (批次复核).
        ConfirmBatches = "confirm-batches",
        /// Refuse an order because it conflicts with a rule (拒绝执行).
        RefuseOrders = "refuse-orders",
        /// Verify the log of facts and fetch proofs.
        VerifyLog = "verify-log",
        /// The board of closed loops (闭环).
        ViewLoops = "view-loops",
        /// Give loops to a unit (分派).
        AssignLoops = "assign-loops",
        /// Today's visits, and what was seen there (走访).
        EnterSteps = "enter-steps",
        /// Requests between cities with their clocks (区域协查).
        ViewAssists = "view-assists",
        /// Ask another city to look for people; question what it says.
        SendAssists = "send-assists",
        /// Take requests of other cities on, reply to them, open who is meant.
        AnswerAssists = "answer-assists",
        /// Hand a person the link to the own page.
        GiveLinks = "give-links",
        /// Read and decide appeals (申诉处理).
        DecideAppeals = "decide-appeals",
        /// Check passes at a gate (查验通行凭证).
        CheckPasses = "check-passes",
        /// The board of arrivals: known, classed, owned, overdue (来返人员).
        ViewArrivals = "view-arrivals",
        /// Enter an arrival for somebody who tells it (代为登记).
        EnterArrivals = "enter-arrivals",
        /// Ask whether somebody came, and say so; part records that are two people.
        AnswerArrivals = "answer-arrivals",
        /// Check people, lorries and vehicles at a checkpoint (查验).
        WorkCheckpoint = "work-checkpoint",
        /// What checkpoints did, and who is held there.
        ViewCheckpoints = "view-checkpoints",
        /// State of the machine, without people.
        ViewOperation = "view-operation",
        /// Report for one's own sentinel site, see its score, object (哨点上报).
        ReportSentinel = "report-sentinel",
        /// The register of sentinel sites, their reports as sums, clocks and scores (哨点监管).
        ViewSentinels = "view-sentinels",
        /// Enter sites, name who is responsible, propose and decide reviews.
        ManageSentinels = "manage-sentinels",
        /// Signals with the series behind them (预警信号).
        ViewSignals = "view-signals",
        /// Answer a signal and close it with an outcome.
        AnswerSignals = "answer-signals",
        /// Who bought one of the four kinds of drugs, where the rule allows to follow up.
        OpenSale = "open-sale",
        /// Send scans of place codes (场所码).
        SendScans = "send-scans",
        /// The register of places, what they show, and registering by hand (场所登记).
        KeepPlaces = "keep-places",
        /// A case's file: window, places, contacts found and entered (个案流调).
        TraceCases = "trace-cases",
        /// Scan people and tubes at a desk (采样登记).
        TakeSamples = "take-samples",
        /// Receive tubes, bring in results, mend messages (检测与结果上报).
        RunLab = "run-lab",
        /// Who of the key groups is due for a test (应检名单).
        ViewScreening = "view-screening",
        /// Plan and open rounds (筛查组织).
        PlanRounds = "plan-rounds",
        /// Pools that are not negative: who waits, who was reached (混管追阳).
        FollowPools = "follow-pools",
        /// Say that somebody with a positive single sample is a case (病例判定).
        DiagnoseCases = "diagnose-cases",
    }
}

named! {
    /// What it is for.
    Purpose {
        /// To decide and check measures (疫情处置).
        Control = "control",
        /// To find contacts and sources (流调溯源).
        Tracing = "tracing",
        /// To look after people under measures (服务保障).
        Care = "care",
        /// To report what was seen or tested (登记报告).
        Reporting = "reporting",
        /// To decide an appeal (申诉处理).
        Appeal = "appeal",
        /// To check the others (审计监督).
        Audit = "audit",
        /// To publish figures (统计).
        Statistics = "statistics",
        /// To keep units, accounts and mandates (机构管理).
        Administration = "administration",
        /// To keep the machine running (系统运维).
        Operation = "operation",
    }
}

use Action as A;
use Purpose as P;

/// What may be done, and what for.
type Right = (Action, &'static [Purpose]);

/// The table. What is not in it is refused. Every right reaches the division of the actor's unit and those under it.
const TABLE: &[(Role, &[Right])] = &[
    (
        Role::Headquarters,
        &[
            (A::RefuseOrders, &[P::Audit]),
            (A::ViewBoard, &[P::Control]),
            (A::ListPeople, &[P::Control]),
            (A::ViewPerson, &[P::Control]),
            (A::OpenIdentity, &[P::Control]),
            (A::BreakGlass, &[P::Control]),
            (A::ProtectPeople, &[P::Control]),
            (A::ViewMandates, &[P::Administration]),
            (A::GiveMandates, &[P::Administration]),
            (A::ViewPacks, &[P::Control]),
            (A::ComparePacks, &[P::Control]),
            (A::AdoptPacks, &[P::Administration]),
            (A::ConfirmBatches, &[P::Control]),
            (A::ViewSentinels, &[P::Control]),
            (A::ManageSentinels, &[P::Administration]),
            (A::ViewSignals, &[P::Control]),
            (A::ViewLoops, &[P::Control]),
            (A::AssignLoops, &[P::Control]),
            (A::ViewArrivals, &[P::Control]),
            (A::ViewCheckpoints, &[P::Control]),
            (A::ViewAssists, &[P::Control]),
            (A::SendAssists, &[P::Control]),
            (A::AnswerAssists, &[P::Control]),
            (A::MakeTokens, &[P::Control]),
            (A::ViewScreening, &[P::Control]),
            (A::PlanRounds, &[P::Control]),
            (A::FollowPools, &[P::Control]),
        ],
    ),
    (
        Role::Epidemiologist,
        &[
            (A::RefuseOrders, &[P::Audit]),
            (A::ViewBoard, &[P::Control, P::Tracing]),
            (A::ListPeople, &[P::Control, P::Tracing]),
            (A::ViewPerson, &[P::Control, P::Tracing]),
            (A::CorrectFacts, &[P::Control]),
            (A::OpenIdentity, &[P::Control, P::Tracing]),
            (A::BreakGlass, &[P::Control]),
            (A::Import, &[P::Reporting]),
            (A::ViewMandates, &[P::Administration, P::Reporting]),
            (A::GiveMandates, &[P::Administration]),
            (A::ViewPacks, &[P::Control]),
            (A::ComparePacks, &[P::Control]),
            (A::AdoptPacks, &[P::Administration]),
            (A::ConfirmBatches, &[P::Control]),
            (A::ViewSentinels, &[P::Control]),
            (A::ManageSentinels, &[P::Administration]),
            (A::ViewSignals, &[P::Control]),
            (A::AnswerSignals, &[P::Control]),
            (A::OpenSale, &[P::Control]),
            (A::KeepPlaces, &[P::Reporting]),
            (A::TraceCases, &[P::Tracing]),
            (A::ViewArrivals, &[P::Control]),
            (A::AnswerArrivals, &[P::Control]),
            (A::ViewCheckpoints, &[P::Control]),
            (A::ViewAssists, &[P::Control, P::Tracing]),
            (A::SendAssists, &[P::Control, P::Tracing]),
            (A::AnswerAssists, &[P::Control, P::Tracing]),
            (A::MakeTokens, &[P::Control]),
            (A::ViewScreening, &[P::Control]),
            (A::PlanRounds, &[P::Control]),
            (A::FollowPools, &[P::Control]),
            (A::DiagnoseCases, &[P::Control]),
        ],
    ),
    (
        Role::Tracer,
        &[
            (A::TraceCases, &[P::Tracing]),
            (A::RefuseOrders, &[P::Audit]),
            (A::ListPeople, &[P::Tracing]),
            (A::ViewPerson, &[P::Tracing]),
            (A::OpenIdentity, &[P::Tracing]),
            (A::ViewMandates, &[P::Reporting]),
            (A::ViewAssists, &[P::Tracing]),
            (A::SendAssists, &[P::Tracing]),
            (A::AnswerAssists, &[P::Tracing]),
        ],
    ),
    (
        Role::Lab,
        &[
            (A::RefuseOrders, &[P::Audit]),
            (A::RunLab, &[P::Reporting]),
            (A::Import, &[P::Reporting]),
            (A::ViewMandates, &[P::Reporting]),
            (A::MakeTokens, &[P::Reporting]),
        ],
    ),
    (
        Role::Sentinel,
        &[
            (A::RefuseOrders, &[P::Audit]),
            (A::Import, &[P::Reporting]),
            (A::ViewMandates, &[P::Reporting]),
            (A::ReportSentinel, &[P::Reporting]),
            (A::MakeTokens, &[P::Reporting]),
        ],
    ),
    (
        Role::Checkpoint,
        &[
            (A::RefuseOrders, &[P::Audit]),
            (A::Import, &[P::Reporting]),
            (A::ViewMandates, &[P::Reporting]),
            (A::MakeTokens, &[P::Reporting]),
            (A::CheckPasses, &[P::Control]),
            (A::EnterArrivals, &[P::Reporting]),
            (A::WorkCheckpoint, &[P::Control]),
            (A::ViewCheckpoints, &[P::Control]),
        ],
    ),
    (
        Role::VenueKeeper,
        &[
            (A::RefuseOrders, &[P::Audit]),
            (A::ViewMandates, &[P::Reporting]),
            (A::KeepPlaces, &[P::Reporting]),
            (A::SendScans, &[P::Reporting]),
            (A::MakeTokens, &[P::Reporting]),
            (A::CheckPasses, &[P::Control]),
        ],
    ),
    (
        Role::CommunityWorker,
        &[
            (A::RefuseOrders, &[P::Audit]),
            (A::ListPeople, &[P::Care]),
            (A::ViewPerson, &[P::Care]),
            (A::OpenIdentity, &[P::Care]),
            (A::ViewMandates, &[P::Reporting]),
            (A::EnterSteps, &[P::Care]),
            (A::GiveLinks, &[P::Care]),
            (A::ViewArrivals, &[P::Care]),
            (A::EnterArrivals, &[P::Care]),
            (A::AnswerArrivals, &[P::Care]),
            (A::TakeSamples, &[P::Reporting]),
            (A::ViewScreening, &[P::Care]),
        ],
    ),
    (
        Role::InstitutionKeeper,
        &[(A::RefuseOrders, &[P::Audit]), (A::ViewMandates, &[P::Reporting]), (A::ReportSentinel, &[P::Reporting])],
    ),
    (Role::Resident, &[]),
    (Role::Proxy, &[]),
    (
        Role::AppealOfficer,
        &[
            (A::RefuseOrders, &[P::Audit]),
            (A::ListPeople, &[P::Appeal]),
            (A::ViewPerson, &[P::Appeal]),
            (A::OpenIdentity, &[P::Appeal]),
            (A::DecideAppeals, &[P::Appeal]),
        ],
    ),
    (
        Role::Auditor,
        &[
            (A::RefuseOrders, &[P::Audit]),
            (A::ViewMandates, &[P::Audit]),
            (A::ViewAccess, &[P::Audit]),
            (A::WatchProposals, &[P::Audit]),
            (A::VerifyLog, &[P::Audit]),
            (A::MakeTokens, &[P::Audit]),
        ],
    ),
    (
        Role::Statistician,
        &[(A::RefuseOrders, &[P::Audit]), (A::ViewBoard, &[P::Statistics]), (A::MakeTokens, &[P::Statistics])],
    ),
    (
        Role::UnitAdmin,
        &[
            (A::RefuseOrders, &[P::Audit]),
            (A::ManageAccounts, &[P::Administration]),
            (A::ViewMandates, &[P::Administration]),
            (A::MakeTokens, &[P::Administration]),
        ],
    ),
    (
        Role::Operator,
        &[(A::RefuseOrders, &[P::Audit]), (A::ViewOperation, &[P::Operation]), (A::MakeTokens, &[P::Operation])],
    ),
];

/// The purposes for which a role may do something; none: it may not.
pub fn purposes(role: Role, action: Action) -> &'static [Purpose] {
    let row = TABLE.iter().find(|(of, _)| *of == role).map_or(&[][..], |(_, rights)| rights);
    row.iter().find(|(right, _)| *right == action).map_or(&[][..], |(_, purposes)| purposes)
}

/// Whether an actor may do something to what lies in a division, for a purpose.
///
/// # Errors
/// [`Refusal::NotAllowed`] when the role may not; [`Refusal::OutOfScope`] when it may, but the program's token was not
/// made for it; [`Refusal::NotFound`] when it may, but not there: what lies elsewhere does not exist for the actor.
pub fn can(actor: &Actor, action: Action, object: DivisionCode, purpose: Purpose) -> Result<(), Refusal> {
    if !purposes(actor.role, action).contains(&purpose) {
        return Err(Refusal::NotAllowed { action, purpose });
    }
    if actor.scopes.as_ref().is_some_and(|scopes| !scopes.contains(&action)) {
        return Err(Refusal::OutOfScope { action });
    }
    if !object.is_under(actor.division) {
        return Err(Refusal::NotFound);
    }
    Ok(())
}

/// The divisions that a list may show: those of `can`, as the range that the store puts into the query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scope(DivisionCode);

impl Scope {
    /// Everything that an actor may list for a purpose.
    ///
    /// # Errors
    /// [`Refusal::NotAllowed`].
    pub fn of(actor: &Actor, action: Action, purpose: Purpose) -> Result<Self, Refusal> {
        can(actor, action, actor.division, purpose).map(|()| Self(actor.division))
    }

    /// The same, no wider than a division that the actor chose.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] when that division lies outside.
    pub fn narrowed(self, to: DivisionCode) -> Result<Self, Refusal> {
        if to.is_under(self.0) { Ok(Self(to)) } else { Err(Refusal::NotFound) }
    }

    /// The division; everything under it is meant.
    pub const fn division(self) -> DivisionCode {
        self.0
    }
}

/// The purpose that a page takes when the actor names none: the first that the role has.
///
/// # Errors
/// [`Refusal::NotAllowed`] when it has none.
pub fn usual_purpose(actor: &Actor, action: Action) -> Result<Purpose, Refusal> {
    purposes(actor.role, action)
        .first()
        .copied()
        .ok_or(Refusal::NotAllowed { action, purpose: Purpose::Administration })
}

/// The table as text: a line a role and action.
pub fn table_as_text() -> String {
    let mut text = String::new();
    for role in Role::ALL {
        for action in Action::ALL {
            let words: Vec<&str> = purposes(role, action).iter().map(|purpose| purpose.name()).collect();
            if !words.is_empty() {
                text.push_str(&format!("{:<18} {:<16} {}\n", role.name(), action.name(), words.join(", ")));
            }
        }
    }
    text
}
