//! `sizao assist`: who this node is to others, and which others it knows.

use std::{path::PathBuf, process::ExitCode};

use anyhow::{Context, Result};
use clap::Subcommand;
use serde_json::json;
use sizao_app::assists::{NodeCard, OwnCard};
use sizao_model::{Clock, DivisionCode};
use sizao_server::peers::PeerIdentity;

use crate::{
    args::NodeArgs,
    node::{self, SystemClock},
    output::say,
};

pub const EXAMPLES: &str = "\
Examples:
  sizao assist set-up --name Zhengzhou --division 4101 --address zz.example:8766
  sizao assist card > zhengzhou.json        hand it to the other city by a way that both trust
  sizao assist add luoyang.json             the other city's card
  sizao serve --peers 0.0.0.0:8766          let other nodes fetch, and fetch from them";

#[derive(Subcommand, Debug)]
pub enum Assist {
    /// Say what this node is called, for which division it stands, and where its door for other nodes is.
    SetUp {
        /// What it is called.
        #[arg(long)]
        name: String,
        /// The division for which it stands.
        #[arg(long, value_parser = parse_division)]
        division: DivisionCode,
        /// Host and port of its door; without it, this node only goes to others.
        #[arg(long, default_value = "")]
        address: String,
    },
    /// Print this node's card: name, keys, digest of its certificate.
    Card,
    /// Put another node on record by its card, or its new card in place of the old one.
    Add {
        /// File that `sizao assist card` wrote there.
        card: PathBuf,
    },
    /// Stop working with a node.
    Close {
        /// Its id.
        node: uuid::Uuid,
    },
    /// How things stand with the other nodes.
    Peers,
}

fn parse_division(text: &str) -> Result<DivisionCode, String> {
    DivisionCode::parse(text).map_err(|error| error.to_string())
}

pub async fn run(node: &NodeArgs, order: Assist, json: bool) -> Result<ExitCode> {
    let app = node::open(node).await?;
    match order {
        Assist::SetUp { name, division, address } => {
            let card = OwnCard { name, division, address };
            app.set_own_card(&card).await?;
            say(json, || format!("This node is {} ({}).", card.name, card.division), || json!(card));
        }
        Assist::Card => {
            let identity = PeerIdentity::of(&app).await?;
            let card =
                app.node_card(identity.certificate()).await.context("say who this node is: `sizao assist set-up`")?;
            println!("{}", serde_json::to_string_pretty(&card)?);
        }
        Assist::Add { card } => {
            let text = node::read_text(&card)?;
            let card: NodeCard =
                serde_json::from_str(&text).with_context(|| format!("{} is no card", card.display()))?;
            app.add_peer(&card, SystemClock.now()).await?;
            say(json, || format!("{} ({}) is on record.", card.name, card.division), || json!(card));
        }
        Assist::Close { node } => {
            let peers = app.open_peers().await?;
            let mut peer = peers.into_iter().find(|peer| peer.node == node).context("no such node is on record")?;
            peer.closed_at = Some(SystemClock.now());
            app.store().save_peer(&peer).await?;
            say(json, || format!("{} is closed: nothing of it is taken in.", peer.name), || json!({"closed": node}));
        }
        Assist::Peers => {
            for peer in app.open_peers().await? {
                let link = app.store().link_state(peer.node).await?;
                say(
                    json,
                    || {
                        format!(
                            "{}  {}  {}  sent {} confirmed {}  taken in {} of {}",
                            peer.node, peer.name, peer.division, link.sent, link.confirmed, link.done, link.highest
                        )
                    },
                    || {
                        json!({"node": peer.node, "name": peer.name, "division": peer.division, "sent": link.sent,
                               "confirmed": link.confirmed, "done": link.done, "highest": link.highest,
                               "waiting": link.waiting, "heard_at": peer.heard_at})
                    },
                );
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}
