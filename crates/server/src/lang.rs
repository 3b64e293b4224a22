//! The two languages. Texts are in `locales/`, a file a capability and the same keys in both; a test compares them.

use std::{borrow::Cow, sync::OnceLock};

use fluent_bundle::{FluentArgs, FluentResource, concurrent::FluentBundle};

/// Language of a page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lang {
    /// Simplified Chinese.
    #[default]
    Zh,
    /// English.
    En,
}

macro_rules! files {
    ($tag:literal) => {
        [
            include_str!(concat!("../../../locales/", $tag, "/sizao.ftl")),
            include_str!(concat!("../../../locales/", $tag, "/watch.ftl")),
            include_str!(concat!("../../../locales/", $tag, "/notices.ftl")),
            include_str!(concat!("../../../locales/", $tag, "/tracing.ftl")),
            include_str!(concat!("../../../locales/", $tag, "/arrivals.ftl")),
            include_str!(concat!("../../../locales/", $tag, "/laboratory.ftl")),
            include_str!(concat!("../../../locales/", $tag, "/requests.ftl")),
        ]
    };
}

const ZH: &[&str] = &files!("zh-CN");
const EN: &[&str] = &files!("en");

impl Lang {
    /// For `lang` on the page.
    pub const fn tag(self) -> &'static str {
        match self {
            Self::Zh => "zh-CN",
            Self::En => "en",
        }
    }

    /// From a cookie, an address or the first language of a browser; Chinese otherwise.
    pub fn parse(text: &str) -> Self {
        if text.trim_start().to_ascii_lowercase().starts_with("en") { Self::En } else { Self::Zh }
    }

    fn bundle(self) -> &'static FluentBundle<FluentResource> {
        static BUNDLES: OnceLock<[FluentBundle<FluentResource>; 2]> = OnceLock::new();
        let [zh, en] = BUNDLES.get_or_init(|| [bundle("zh-CN", ZH), bundle("en", EN)]);
        match self {
            Self::Zh => zh,
            Self::En => en,
        }
    }
}

fn bundle(tag: &str, texts: &[&str]) -> FluentBundle<FluentResource> {
    let mut bundle = FluentBundle::new_concurrent(vec![tag.parse().expect("the tag is well formed")]);
    bundle.set_use_isolating(false);
    for text in texts {
        let resource = FluentResource::try_new((*text).to_owned());
        let resource = resource.unwrap_or_else(|(_, errors)| panic!("locales/{tag}: {errors:?}"));
        bundle.add_resource(resource).unwrap_or_else(|errors| panic!("locales/{tag}: {errors:?}"));
    }
    bundle
}

/// A text in a language. An unknown key shows as itself; a test looks for such keys.
pub fn text<'a>(lang: Lang, key: &str, args: &[(&'a str, Cow<'a, str>)]) -> String {
    let bundle = lang.bundle();
    let Some(pattern) = bundle.get_message(key).and_then(|message| message.value()) else {
        return key.to_owned();
    };
    let mut given = FluentArgs::new();
    for (name, value) in args {
        // A number chooses the plural; it is shown as it is.
        match value.parse::<u32>() {
            Ok(number) => given.set(*name, number),
            Err(_) => given.set(*name, value.clone()),
        }
    }
    bundle.format_pattern(pattern, Some(&given), &mut Vec::new()).into_owned()
}

/// The keys of a language, in the order of its files.
pub fn keys(lang: Lang) -> Vec<&'static str> {
    let files = match lang {
        Lang::Zh => ZH,
        Lang::En => EN,
    };
    files
        .iter()
        .flat_map(|file| file.lines())
        .filter(|line| line.starts_with(|c: char| c.is_ascii_lowercase()))
        .filter_map(|line| line.split_once(" =").map(|(key, _)| key))
        .collect()
}
