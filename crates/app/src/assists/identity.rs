//! Who a person of a list is: sealed to the receiving node, opened there by an officer who says why.

use serde::{Deserialize, Serialize};
use sizao_model::{
    PersonId,
    draft::PersonName,
    identity::{Document, DocumentKind},
};
use sizao_store::PersonDetails;

use crate::{App, AppError};

/// Telephones of a line.
const PHONES_MAX: usize = 8;

/// Who somebody is. `Debug` shows nothing of it.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AssistIdentity {
    /// Family and given name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Kind and number of documents.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub documents: Vec<(String, String)>,
    /// Telephones.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub phones: Vec<String>,
    /// Last known address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// Where and when the exposure was, as coarse as the rules allow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exposure: Option<String>,
}

impl std::fmt::Debug for AssistIdentity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AssistIdentity(***)")
    }
}

impl AssistIdentity {
    /// As it is sealed.
    pub fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("an identity is words")
    }

    /// As it was sealed.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }

    /// By what the same person is recognised: the first document; where there is none, name and first telephone.
    pub fn mark(&self) -> Vec<u8> {
        match (self.documents.first(), &self.name, self.phones.first()) {
            (Some((kind, number)), ..) => format!("document\u{1f}{kind}\u{1f}{number}").into_bytes(),
            (None, name, phone) => {
                let words = [name.as_deref().unwrap_or_default(), phone.map_or("", String::as_str)];
                format!("name\u{1f}{}\u{1f}{}", words[0], words[1]).into_bytes()
            }
        }
    }

    /// The names under which a vault may know the person.
    pub(super) fn names(&self) -> impl Iterator<Item = PersonName> + '_ {
        self.documents.iter().filter_map(|(kind, number)| {
            Document::new(DocumentKind::from_name(kind)?, number).ok().map(PersonName::Document)
        })
    }
}

impl App {
    /// Who a person of our own vault is, for sealing.
    pub(super) async fn identity_to_seal(
        &self,
        person: PersonId,
        exposure: Option<String>,
    ) -> Result<AssistIdentity, AppError> {
        let mut details = self.store().reveal_details(&[person]).await?;
        let PersonDetails { full_name, mut phones } = details.remove(&person).unwrap_or_default();
        phones.truncate(PHONES_MAX);
        let documents = self.store().reveal_documents(person).await?;
        let documents = documents.iter().map(|one| (one.kind().name().to_owned(), one.reveal().to_owned())).collect();
        Ok(AssistIdentity { name: full_name, documents, phones, address: None, exposure })
    }
}
