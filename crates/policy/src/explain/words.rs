//! The words for kinds, in both languages.

use sizao_model::{
    Colour, ContactClass, MeasureKind,
    fact::{EvidenceKind, FactKind},
    measure::Swab,
};

/// Chinese and English.
pub(super) type Words = (&'static str, &'static str);

pub(super) const fn measure(kind: MeasureKind) -> Words {
    match kind {
        MeasureKind::CaseIsolation => ("病例隔离治疗", "isolation and treatment"),
        MeasureKind::CentralIsolation => ("集中隔离医学观察", "quarantine at a site"),
        MeasureKind::HomeIsolation => ("居家隔离医学观察", "quarantine at home"),
        MeasureKind::StayIndoors => ("足不出户", "staying indoors"),
        MeasureKind::Exclusion => ("暂不到校到岗", "staying away from school or work"),
        MeasureKind::HomeMonitoring => ("居家健康监测", "health monitoring at home"),
        MeasureKind::StayInArea => ("人不出区", "staying within the area"),
        MeasureKind::TwoTestsThreeDays => ("三天两检", "two tests in three days"),
        MeasureKind::LandingTest => ("落地检", "one test on arrival"),
        MeasureKind::Hold => ("原地等候", "waiting for one result"),
        MeasureKind::SelfMonitoring => ("自我健康监测", "self-monitoring, without restriction"),
        MeasureKind::FollowUp => ("随访", "follow-up, without restriction"),
    }
}

pub(super) const fn class(class: ContactClass) -> Words {
    match class {
        ContactClass::CloseContact => ("密切接触者", "close contact"),
        ContactClass::SecondaryContact => ("密接的密接", "contact of a close contact"),
        ContactClass::GeneralContact => ("一般接触者", "general contact: a health notice only"),
        ContactClass::SpacetimeCompanion => ("时空伴随者", "space-time companion: opens nothing"),
    }
}

pub(super) const fn colour(colour: Option<Colour>) -> Words {
    match colour {
        Some(Colour::Red) => ("健康码:红码", "Health code: red"),
        Some(Colour::Yellow) => ("健康码:黄码", "Health code: yellow"),
        Some(Colour::Green) => ("健康码:绿码", "Health code: green"),
        None => ("不使用健康码", "No health code is used"),
    }
}

pub(super) const fn evidence(kind: EvidenceKind) -> Words {
    match kind {
        EvidenceKind::Interview => ("流调询问", "an interview"),
        EvidenceKind::Ticket => ("票据座位", "a ticket or seat"),
        EvidenceKind::Camera => ("人工核对的影像", "a picture that a person looked at"),
        EvidenceKind::Checkpoint => ("检查站登记", "a checkpoint"),
        EvidenceKind::Declared => ("本人申报", "your own declaration"),
        EvidenceKind::VenueScan => ("场所码扫码", "a venue scan"),
        EvidenceKind::Payment => ("支付记录", "a payment"),
        EvidenceKind::ListRow => ("名单", "a list"),
        EvidenceKind::Model => ("模型推算", "a model"),
        EvidenceKind::CellLocation => ("手机信令", "the cell of a phone"),
    }
}

pub(super) const fn fact(kind: FactKind) -> Words {
    match kind {
        FactKind::Exposure => ("一次接触", "an exposure"),
        FactKind::Diagnosis => ("诊断", "a diagnosis"),
        FactKind::Stay => ("一次停留", "a stay"),
        FactKind::Arrival => ("一次来返", "an arrival"),
        FactKind::Sample => ("一次采样", "a sample"),
        FactKind::TestResult => ("检测结果", "a test result"),
        FactKind::Confirmation => ("线索核实", "a confirmation"),
        FactKind::Correction => ("更正", "a correction"),
        FactKind::IdentityLink => ("经核实的身份关联", "a confirmed link of identities"),
        FactKind::AreaDeclared => ("区域划定", "the declaration of an area"),
        FactKind::SiteReset => ("隔离点阳性后重新计算", "a restart after a positive at the site"),
        FactKind::Extension => ("有依据的延长", "an extension with evidence"),
        FactKind::Discharge => ("出院", "a discharge"),
        _ => ("其他事实", "another fact"),
    }
}

pub(super) const fn swab(swab: Swab) -> Words {
    match swab {
        Swab::NasopharyngealSwab => ("鼻咽拭子", "nasopharyngeal swab"),
        Swab::ThroatSwab => ("咽拭子", "throat swab"),
    }
}
