//! Invented names: common surnames in about their frequency, given names put together from common characters.

use super::Sex;
use crate::random::Stream;

/// Surnames with rough weights (share of people, in tenths of a per cent).
const SURNAMES: [(&str, u64); 72] = [
    ("王", 76),
    ("李", 75),
    ("张", 72),
    ("刘", 54),
    ("陈", 37),
    ("杨", 33),
    ("赵", 29),
    ("黄", 18),
    ("周", 18),
    ("吴", 16),
    ("徐", 13),
    ("孙", 15),
    ("胡", 12),
    ("朱", 13),
    ("高", 13),
    ("林", 6),
    ("何", 9),
    ("郭", 15),
    ("马", 16),
    ("罗", 6),
    ("梁", 8),
    ("宋", 10),
    ("郑", 9),
    ("谢", 7),
    ("韩", 9),
    ("唐", 6),
    ("冯", 8),
    ("于", 6),
    ("董", 7),
    ("萧", 2),
    ("程", 7),
    ("曹", 6),
    ("袁", 6),
    ("邓", 5),
    ("许", 7),
    ("傅", 3),
    ("沈", 4),
    ("曾", 3),
    ("彭", 4),
    ("吕", 6),
    ("苏", 5),
    ("卢", 4),
    ("蒋", 4),
    ("蔡", 4),
    ("贾", 5),
    ("丁", 5),
    ("魏", 6),
    ("薛", 4),
    ("叶", 3),
    ("阎", 3),
    ("余", 4),
    ("潘", 4),
    ("杜", 6),
    ("戴", 3),
    ("夏", 4),
    ("钟", 3),
    ("汪", 4),
    ("田", 5),
    ("任", 5),
    ("姜", 4),
    ("范", 5),
    ("方", 4),
    ("石", 4),
    ("姚", 4),
    ("谭", 2),
    ("廖", 2),
    ("邹", 2),
    ("孔", 3),
    ("白", 3),
    ("崔", 4),
    ("康", 3),
    ("欧阳", 1),
];

const GIVEN: [&str; 2] = [
    "伟强磊军勇杰涛明超刚平辉鹏华飞鑫波斌宇浩凯健俊帆帅旭宁龙林阳建国志文海峰东晨轩然博子豪一鸣瑞诚",
    "芳娜敏静丽艳娟霞秀兰燕玲桂英红梅萍洁云莉慧颖雪琳晶欣怡佳梦婷雅思雨诗涵子萱可馨一诺若晴月珍淑",
];

const LATIN_GIVEN: [&str; 24] = [
    "Anna", "Omar", "Lena", "Pavel", "Maria", "Kofi", "Aiko", "Minh", "Sofia", "Ivan", "Fatima", "Jonas", "Grace",
    "Daniel", "Nadia", "Tomas", "Lucia", "Samuel", "Elif", "Hugo", "Rosa", "Arman", "Ingrid", "Yusuf",
];
const LATIN_FAMILY: [&str; 20] = [
    "Ostrander",
    "Belkacem",
    "Novotny",
    "Adeyemi",
    "Haraldsen",
    "Moriyama",
    "Petrovic",
    "Santoro",
    "Nguyen-Lam",
    "Okonjo",
    "Kirilenko",
    "Varga",
    "Lindqvist",
    "Amanov",
    "Ferreira",
    "Mbeki-Hall",
    "Castellan",
    "Yilmazer",
    "Dragomir",
    "Quispe",
];

/// A surname.
pub(super) fn surname(rng: &mut Stream) -> &'static str {
    SURNAMES[rng.weighted(SURNAMES.iter().map(|surname| surname.1))].0
}

/// Appends a given name of one or two characters; older people more often have one.
pub(super) fn push_given(name: &mut String, sex: Sex, rng: &mut Stream) {
    let characters = GIVEN[sex as usize];
    let count = characters.chars().count() as u32;
    for _ in 0..if rng.chance(0.82) { 2 } else { 1 } {
        name.extend(characters.chars().nth(rng.below(count) as usize));
    }
}

/// A name in Latin letters, family name first or last.
pub(super) fn latin(rng: &mut Stream) -> String {
    let (given, family) = (*rng.pick(&LATIN_GIVEN), *rng.pick(&LATIN_FAMILY));
    if rng.chance(0.3) { format!("{} {given}", family.to_uppercase()) } else { format!("{given} {family}") }
}

/// A different spelling of the name: one character replaced by another of the list, or two words swapped.
pub(super) fn mistype(name: &str, rng: &mut Stream) -> String {
    if let Some((first, last)) = name.split_once(' ') {
        return format!("{last} {first}");
    }
    let mut characters: Vec<char> = name.chars().collect();
    let last = characters.len() - 1;
    let replacement = GIVEN[rng.below(2) as usize].chars().find(|&c| c != characters[last]);
    characters[last] = replacement.unwrap_or('某');
    characters.into_iter().collect()
}
