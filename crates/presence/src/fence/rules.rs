//! The numbers of the fence, each with its meaning. None is fitted to a person or a place.

/// Numbers of the method.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FenceRules {
    /// Probability of being inside at which a question is asked.
    pub ask_at: f32,
    /// Probability of being inside below which somebody counts as outside again, so that the next entry is asked about.
    pub left_at: f32,
    /// How much two towers differ in level at one spot for all reasons unknown to us (power, shadowing, fading), as the
    /// scale of a Gumbel distribution; dB.
    pub level_scale_db: f32,
    /// Loss of level per factor ten of distance; dB.
    pub loss_db: f32,
    /// How much weaker a small cell sends than a macro cell; dB.
    pub small_db: f32,
    /// Share of records that come from a tower for reasons that coverage does not explain.
    pub stray_share: f32,
    /// Weight, in records, of the general coverage against what was seen at this very place (Dirichlet-multinomial).
    pub place_weight: f32,
    /// The same weight for what records repeated at one place say about where it is: shadowing stays, so they say little.
    pub shape_weight: f32,
    /// Distance from the place of a stay beyond which ways are no longer local; km.
    pub local_km: f32,
    /// Share of ways that lead to a place where the person was before.
    pub return_share: f32,
    /// Probability of having moved below which a tower seen again is taken as staying.
    pub still_below: f32,
    /// Ways begun per hour by somebody who stays.
    pub departures_per_h: f32,
    /// Mean length of a way; minutes.
    pub way_min: f32,
    /// Mean time between records on the way; seconds.
    pub way_gap_s: f32,
    /// Mean times between records at a place, short and long, and the share of long ones; seconds.
    pub short_gap_s: f32,
    /// See `short_gap_s`.
    pub long_gap_s: f32,
    /// See `short_gap_s`.
    pub long_share: f32,
    /// Probability, before the first record, that the side last known is no longer true.
    pub prior_wrong: f32,
    /// Weight, in records, of general knowledge of a tower's sides against the person's own memory of it.
    pub memory_weight: f32,
    /// Speed on slow ways; km/h.
    pub slow_kmh: f32,
    /// Speed on fast ways; km/h.
    pub fast_kmh: f32,
    /// Share of fast ways.
    pub fast_share: f32,
    /// Of slow ways that might lead across the border, the share that does, for somebody unknown.
    pub crossing_share: f32,
    /// Weight of this share, in crossings, against the person's own.
    pub crossing_weight: f32,
}

impl Default for FenceRules {
    fn default() -> Self {
        Self {
            ask_at: 0.8,
            left_at: 0.06,
            level_scale_db: 6.0,
            loss_db: 35.0,
            small_db: 4.0,
            stray_share: 0.01,
            place_weight: 2.0,
            shape_weight: 1.5,
            local_km: 8.0,
            return_share: 0.3,
            still_below: 0.03,
            departures_per_h: 0.15,
            way_min: 12.0,
            way_gap_s: 150.0,
            short_gap_s: 420.0,
            long_gap_s: 2700.0,
            long_share: 0.25,
            prior_wrong: 0.01,
            memory_weight: 0.2,
            slow_kmh: 30.0,
            fast_kmh: 100.0,
            fast_share: 0.4,
            crossing_share: 0.02,
            crossing_weight: 1.0,
        }
    }
}
