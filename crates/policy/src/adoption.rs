//! Adoption of packs, a fact like others: announced in advance, known from its recording, corrected and retracted by
//! later facts. It counts when two different organisations signed.

use sizao_model::{Fact, FactBody, FactId, Instant};

use crate::known;

/// A pack that was adopted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdoptedPack {
    /// The adoption.
    pub fact: FactId,
    /// Id of the pack.
    pub pack: String,
    /// SHA-256 of what was signed, hexadecimal: whoever reads packs compares it with theirs.
    pub digest: String,
    /// When it takes effect.
    pub from: Instant,
}

/// The adoptions known at a moment, earliest effect first; the same text for the same instant once. A text that is
/// adopted again later takes effect again then.
///
/// One without two different signers is void.
pub fn adopted_packs(facts: &[&Fact], known_at: Instant) -> Vec<AdoptedPack> {
    let mut adopted: Vec<AdoptedPack> = known::read(facts, known_at)
        .iter()
        .filter_map(|seen| match &*seen.body {
            FactBody::PackAdopted(adopted) if adopted.signers.iter().any(|signer| *signer != adopted.signers[0]) => {
                Some(AdoptedPack {
                    fact: seen.id,
                    pack: adopted.pack.to_string(),
                    digest: adopted.digest.to_string(),
                    from: seen.starts_at(),
                })
            }
            _ => None,
        })
        .collect();
    adopted.sort_by_key(|pack| (pack.from, pack.fact));
    let mut first: Vec<AdoptedPack> = Vec::new();
    for pack in adopted {
        if !first.iter().any(|known| (&known.pack, &known.digest, known.from) == (&pack.pack, &pack.digest, pack.from))
        {
            first.push(pack);
        }
    }
    first
}

#[cfg(test)]
mod tests {
    use super::*;

    fn adopted(id: &str, at: &str, recorded: &str, signers: &str) -> Fact {
        Fact::from_json(&format!(
            r#"{{"id":"{id}","kind":"pack_adopted","happened":{{"at":"{at}T00:00:00+08:00"}},"recorded_at":"{recorded}T12:00:00+08:00","body":{{"pack":"p","digest":"d","signers":{signers}}}}}"#
        ))
        .unwrap()
    }

    fn known(facts: &[Fact], on: &str) -> Vec<String> {
        let facts: Vec<&Fact> = facts.iter().collect();
        let at = Instant::parse(&format!("{on}T18:00:00+08:00")).unwrap();
        adopted_packs(&facts, at).iter().map(|pack| pack.from.to_string()[..10].to_owned()).collect()
    }

    #[test]
    fn an_adoption_is_known_from_its_recording_and_can_be_put_off() {
        let put_off = r#"{"id":"b","kind":"correction","happened":{"at":"2022-06-21T09:00:00+08:00"},"recorded_at":"2022-06-21T09:00:00+08:00","body":{"of":"a","happened":{"at":"2022-07-01T00:00:00+08:00"}}}"#;
        let facts = [adopted("a", "2022-06-28", "2022-06-20", r#"["x","y"]"#), Fact::from_json(put_off).unwrap()];
        assert!(known(&facts, "2022-06-19").is_empty());
        assert_eq!(known(&facts, "2022-06-20"), ["2022-06-28"]);
        assert_eq!(known(&facts, "2022-06-21"), ["2022-07-01"]);
    }

    #[test]
    fn one_signer_adopts_nothing() {
        for signers in ["[]", r#"["x"]"#, r#"["x","x"]"#] {
            assert!(known(&[adopted("a", "2022-06-28", "2022-06-20", signers)], "2022-06-21").is_empty(), "{signers}");
        }
    }
}
