//! Everything that answers, as one table: the router is made of it, and so are the tests of who may.

use std::sync::Arc;

use axum::{
    Extension, Router,
    extract::DefaultBodyLimit,
    routing::{MethodRouter, get, post},
};
use sizao_app::authorization::Action;

use crate::{
    api, assets,
    context::Needs,
    pages::{
        accounts, announce, antigen, arrivals, assists, audit, batches, board, break_glass, case, certificates,
        checkpoint, history, imports, lab, loops, mandates, me, my, node, orders, packs, people, person, places, pools,
        report, sampling, screening, sentinel, sentinels, sign_in, signals, transparency, visits, watch,
    },
    state::Shared,
};

/// Who is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// Anybody.
    Anyone,
    /// Whoever is signed in, about themself.
    SignedIn,
    /// Whose role may do this.
    May(Action),
}

/// One answer.
pub struct Route {
    /// `GET` or `POST`.
    pub method: &'static str,
    /// Its path, with parts in braces.
    pub path: &'static str,
    /// Who is answered.
    pub who: Who,
    handler: fn() -> MethodRouter<Arc<Shared>>,
}

macro_rules! routes {
    ($($method:ident $path:literal $who:expr => $handler:path),* $(,)?) => {
        &[$(Route { method: routes!(@ $method), path: $path, who: $who, handler: || $method($handler) }),*]
    };
    (@ get) => { "GET" };
    (@ post) => { "POST" };
}

use Action as A;
use Who::{Anyone, May, SignedIn};

/// Every path.
pub const ROUTES: &[Route] = routes![
    get "/healthz" Anyone => node::alive,
    get "/readyz" Anyone => node::ready,
    get "/metrics" Anyone => node::metrics,
    get "/assets/{version}/{name}" Anyone => assets::file,
    get "/sw.js" Anyone => assets::service_worker,
    get "/transparency" Anyone => transparency::show,
    get "/transparency.json" Anyone => transparency::data,
    get "/sign-in" Anyone => sign_in::form,
    post "/sign-in" Anyone => sign_in::sign_in,
    get "/setup/{token}" Anyone => sign_in::set_up_form,
    post "/setup/{token}" Anyone => sign_in::set_up,
    get "/language" Anyone => sign_in::language,
    get "/" SignedIn => sign_in::home,
    post "/sign-out" SignedIn => sign_in::sign_out,
    get "/me" SignedIn => me::show,
    post "/me/sessions/{id}/end" SignedIn => me::end_session,
    get "/board" May(A::ViewBoard) => board::show,
    get "/report" May(A::ViewBoard) => report::show,
    get "/report.xlsx" May(A::ViewBoard) => report::book,
    get "/people" May(A::ListPeople) => people::list,
    post "/people/views" May(A::ListPeople) => people::save_view,
    post "/people/views/{id}/drop" May(A::ListPeople) => people::drop_view,
    get "/people/{id}" May(A::ViewPerson) => person::show,
    get "/people/{id}/history" May(A::ViewPerson) => history::show,
    post "/facts/{id}/correct" May(A::CorrectFacts) => history::correct,
    post "/people/{id}/identity" May(A::OpenIdentity) => person::open,
    get "/loops" May(A::ViewLoops) => loops::show,
    post "/loops/assign" May(A::AssignLoops) => loops::assign,
    get "/assists" May(A::ViewAssists) => assists::board,
    post "/assists" May(A::SendAssists) => assists::send,
    get "/assists/new" May(A::SendAssists) => assists::form,
    get "/assists/{id}" May(A::ViewAssists) => assists::show,
    post "/assists/{id}/accept" May(A::AnswerAssists) => assists::accept,
    post "/assists/{id}/replies" May(A::AnswerAssists) => assists::reply,
    post "/assists/{id}/identity" May(A::AnswerAssists) => assists::identity,
    post "/assists/challenges" May(A::SendAssists) => assists::challenge,
    post "/assists/challenges/{id}/answer" May(A::AnswerAssists) => assists::answer,
    post "/assists/challenges/{id}/suspend" May(A::SendAssists) => assists::suspend,
    get "/appeals" May(A::DecideAppeals) => my::list,
    post "/appeals/{id}/decide" May(A::DecideAppeals) => my::decide,
    post "/requests/{id}" May(A::DecideAppeals) => my::answer,
    post "/people/{id}/link" May(A::GiveLinks) => my::give,
    post "/passes/check" May(A::CheckPasses) => my::check,
    get "/my/{token}" Anyone => my::show,
    get "/my/{token}/pass" Anyone => my::pass,
    post "/my/{token}/appeal" Anyone => my::appeal,
    get "/my/{token}/copy" Anyone => my::copy,
    post "/my/{token}/request" Anyone => my::request,
    get "/arrive" Anyone => announce::form,
    post "/arrive" Anyone => announce::take,
    get "/arrive/{token}" Anyone => announce::receipt,
    post "/arrive/{token}" Anyone => announce::arrived,
    get "/arrivals" May(A::ViewArrivals) => arrivals::show,
    get "/arrivals/new" May(A::EnterArrivals) => arrivals::form,
    post "/arrivals/new" May(A::EnterArrivals) => arrivals::enter,
    get "/arrivals/{id}" May(A::ViewArrivals) => arrivals::one,
    post "/arrivals/{id}/answer" May(A::AnswerArrivals) => arrivals::answer,
    post "/arrivals/links/{id}/part" May(A::AnswerArrivals) => arrivals::part,
    get "/checkpoint" May(A::WorkCheckpoint) => checkpoint::desk,
    get "/checkpoint/clock" May(A::WorkCheckpoint) => checkpoint::clock,
    post "/checkpoint/key" May(A::WorkCheckpoint) => checkpoint::key,
    post "/checkpoint/checks" May(A::WorkCheckpoint) => checkpoint::check,
    post "/checkpoint/holds/{id}/end" May(A::WorkCheckpoint) => checkpoint::end_hold,
    post "/checkpoint/lane" May(A::WorkCheckpoint) => checkpoint::lane,
    post "/checkpoint/disinfections" May(A::WorkCheckpoint) => checkpoint::disinfect,
    get "/checkpoints" May(A::ViewCheckpoints) => checkpoint::board,
    get "/visits" May(A::EnterSteps) => visits::list,
    post "/people/{id}/steps" May(A::EnterSteps) => visits::enter,
    post "/people/{id}/protect" May(A::ProtectPeople) => break_glass::protect,
    get "/break-glass" May(A::BreakGlass) => break_glass::form,
    post "/break-glass" May(A::BreakGlass) => break_glass::take,
    get "/imports" May(A::Import) => imports::form,
    post "/imports" May(A::Import) => imports::upload,
    get "/imports/{id}" May(A::Import) => imports::show,
    get "/imports/{id}/rows-to-mend" May(A::Import) => imports::to_mend,
    post "/imports/{id}/store" May(A::Import) => imports::store,
    get "/accounts" May(A::ManageAccounts) => accounts::list,
    post "/accounts" May(A::ManageAccounts) => accounts::add_account,
    post "/accounts/{id}/close" May(A::ManageAccounts) => accounts::close,
    post "/units" May(A::ManageAccounts) => accounts::add_unit,
    get "/audit" May(A::ViewAccess) => audit::show,
    post "/audit/verify" May(A::VerifyLog) => audit::verify,
    get "/audit/checkpoint" May(A::VerifyLog) => audit::checkpoint,
    get "/audit/consistency" May(A::VerifyLog) => audit::consistency,
    get "/audit/proof" May(A::VerifyLog) => audit::proof_of,
    get "/audit/proofs/{id}" May(A::VerifyLog) => audit::proof,
    get "/orders" May(A::RefuseOrders) => orders::list,
    post "/orders" May(A::RefuseOrders) => orders::refuse,
    get "/batches" May(A::ConfirmBatches) => batches::list,
    post "/batches/{id}/decide" May(A::ConfirmBatches) => batches::decide,
    get "/watch" May(A::WatchProposals) => watch::list,
    post "/watch/{id}/decide" May(A::WatchProposals) => watch::decide,
    get "/mandates" May(A::ViewMandates) => mandates::list,
    post "/mandates" May(A::GiveMandates) => mandates::propose,
    post "/mandates/{id}/sign" May(A::GiveMandates) => mandates::sign,
    post "/mandates/{id}/end" May(A::GiveMandates) => mandates::end,
    get "/packs" May(A::ViewPacks) => packs::list,
    post "/packs" May(A::AdoptPacks) => packs::bring_in,
    get "/packs/{id}" May(A::ViewPacks) => packs::reading::show,
    post "/packs/adoptions" May(A::AdoptPacks) => packs::propose,
    post "/packs/adoptions/{id}/sign" May(A::AdoptPacks) => packs::sign,
    post "/packs/adoptions/{id}/withdraw" May(A::AdoptPacks) => packs::withdraw,
    post "/packs/comparisons" May(A::ComparePacks) => packs::comparing::start,
    get "/packs/comparisons/{id}" May(A::ComparePacks) => packs::comparing::show,
    get "/packs/comparisons/{id}/people" May(A::ComparePacks) => packs::comparing::people,
    get "/packs/comparisons/{id}/plans" May(A::ComparePacks) => packs::comparing::plans,
    post "/me/tokens" May(A::MakeTokens) => me::make_token,
    post "/me/tokens/{id}/end" SignedIn => me::end_token,
    get "/api/v1/openapi.json" Anyone => api::served,
    get "/reference" Anyone => api::reference,
    get "/operation" May(A::ViewOperation) => node::operation,
    get "/sentinel" May(A::ReportSentinel) => sentinel::form,
    post "/sentinel" May(A::ReportSentinel) => sentinel::report,
    get "/sentinel/record" May(A::ReportSentinel) => sentinel::record,
    post "/sentinel/record/{id}/objection" May(A::ReportSentinel) => sentinel::object,
    get "/sentinels" May(A::ViewSentinels) => sentinels::list,
    post "/sentinels" May(A::ManageSentinels) => sentinels::add,
    get "/sentinels/{id}" May(A::ViewSentinels) => sentinels::show,
    post "/sentinels/{id}/responsible" May(A::ManageSentinels) => sentinels::responsible,
    post "/sentinels/{id}/capabilities" May(A::ManageSentinels) => sentinels::capabilities,
    post "/sentinels/{id}/close" May(A::ManageSentinels) => sentinels::close,
    post "/sentinels/{id}/reviews" May(A::ManageSentinels) => sentinels::propose,
    post "/reviews/{id}" May(A::ManageSentinels) => sentinels::decide,
    post "/sales/{id}" May(A::OpenSale) => signals::open_sale,
    get "/signals" May(A::ViewSignals) => signals::list,
    get "/signals/{id}" May(A::ViewSignals) => signals::show,
    post "/signals/{id}/answer" May(A::AnswerSignals) => signals::answer,
    post "/signals/{id}/close" May(A::AnswerSignals) => signals::close,
    get "/cases" May(A::TraceCases) => case::list,
    get "/cases/{id}" May(A::TraceCases) => case::show,
    get "/cases/{id}/found" May(A::TraceCases) => case::found,
    post "/cases/{id}/confirm" May(A::TraceCases) => case::confirm,
    get "/cases/{id}/sheet" May(A::TraceCases) => case::sheet::form,
    post "/cases/{id}/sheet" May(A::TraceCases) => case::sheet::enter,
    post "/cases/{id}/alike" May(A::TraceCases) => case::sheet::alike,
    post "/cases/{id}/link" May(A::TraceCases) => case::link,
    post "/cases/{id}/unlink" May(A::TraceCases) => case::unlink,
    post "/cases/{id}/investigation" May(A::TraceCases) => case::investigate,
    get "/cases/{id}/report" May(A::TraceCases) => case::report,
    get "/places" May(A::KeepPlaces) => places::list,
    post "/places" May(A::KeepPlaces) => places::add,
    get "/places/{id}" May(A::KeepPlaces) => places::show,
    get "/places/{id}/code" May(A::KeepPlaces) => places::code,
    post "/places/{id}/visits" May(A::KeepPlaces) => places::register,
    get "/scan/{code}" Anyone => places::scan,
    post "/scan/{code}" Anyone => places::visit,
    get "/sampling" May(A::TakeSamples) => sampling::form,
    post "/sampling" May(A::TakeSamples) => sampling::scan,
    get "/lab" May(A::RunLab) => lab::show,
    post "/lab/scan" May(A::RunLab) => lab::scan,
    post "/lab/results" May(A::RunLab) => lab::result,
    post "/lab/file" May(A::RunLab) => lab::file,
    get "/lab/messages/{id}" May(A::RunLab) => lab::message,
    post "/lab/messages/{id}" May(A::RunLab) => lab::mend,
    get "/pools" May(A::FollowPools) => pools::list,
    get "/pools/{id}" May(A::FollowPools) => pools::show,
    post "/pools/{id}/members" May(A::FollowPools) => pools::note,
    post "/pools/{id}/cases" May(A::DiagnoseCases) => pools::diagnose,
    get "/screening" May(A::ViewScreening) => screening::due,
    post "/screening/reminded" May(A::ViewScreening) => screening::reminded,
    get "/plans" May(A::PlanRounds) => screening::plans,
    post "/rounds" May(A::PlanRounds) => screening::open_round,
    get "/certificates" May(A::CheckPasses) => certificates::form,
    post "/certificates" May(A::CheckPasses) => certificates::check,
    get "/antigen" Anyone => antigen::guide,
    get "/my/{token}/antigen" Anyone => antigen::form,
    post "/my/{token}/antigen" Anyone => antigen::enter,
];

/// Largest body of a form, in bytes.
const FORM_BYTES_MAX: usize = 64 << 10;

/// Largest body of a form with a pack: each byte may take three.
const PACK_BYTES_MAX: usize = 1 << 20;

/// The router of the table.
pub(crate) fn router() -> Router<Arc<Shared>> {
    ROUTES.iter().fold(api::router(), |router, route| {
        let takes_files = route.method == "POST" && route.path == "/imports";
        let takes_packs = route.method == "POST" && route.path == "/packs";
        let limit = match () {
            () if takes_files => imports::BODY_BYTES_MAX,
            () if route.path == "/lab/file" => lab::BODY_BYTES_MAX,
            // A message to be mended: each byte may take three.
            () if route.method == "POST" && route.path == "/lab/messages/{id}" => PACK_BYTES_MAX,
            () if takes_packs => PACK_BYTES_MAX,
            () if route.path == "/passes/check" => my::PASSES_BYTES_MAX,
            () => FORM_BYTES_MAX,
        };
        let handler = (route.handler)().layer(DefaultBodyLimit::max(limit));
        router.route(route.path, needing(route.who, handler))
    })
}

/// A handler that knows which right opens its path.
pub(crate) fn needing(who: Who, handler: MethodRouter<Arc<Shared>>) -> MethodRouter<Arc<Shared>> {
    match who {
        May(action) => handler.layer(Extension(Needs(action))),
        Anyone | SignedIn => handler,
    }
}
