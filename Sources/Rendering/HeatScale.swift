import Base
import Glibc
import Pixels

/// Which values of a raw map become heat 0 and heat 1.
package enum HeatScale: Sendable, Equatable {
    /// The map's own smallest and largest value in that frame, as matplotlib's `imshow` and `imsave` do.
    case frame
    /// A range that follows the frames' ranges with that half-life, so that the picture does not flicker.
    case smooth(halfLifeSeconds: Double)
    /// Two percentiles of the map's values in that frame, 0…100, so that a few outliers do not darken the rest.
    case percentile(low: Double, high: Double)
    /// The smallest and largest value over some of the clip's frames (`MapLimits`), so that frames can be compared.
    case clip
    /// Two percentiles of the values over the same frames.
    case clipPercentile(low: Double, high: Double)
    /// The same limits throughout, for comparison between frames and models.
    case fixed(minimum: Float, maximum: Float)

    /// The half-life of `smooth` where none is given.
    package static let defaultHalfLifeSeconds = 0.5

    /// Whether a frame's limits depend on the frames before it.
    package var isRunning: Bool { if case .smooth = self { true } else { false } }

    /// Whether its limits come of the clip's frames.
    package var isOfClip: Bool {
        switch self {
        case .clip, .clipPercentile: true
        default: false
        }
    }

    /// Reads `frame`, `percentile:LOW:HIGH`, `clip`, `clip:percentile:LOW:HIGH`, `smooth`, `smooth:SECONDS` or `MIN:MAX`.
    ///
    /// - Throws: `VitvideoError` of kind `usage`.
    package init(parsing text: String) throws(VitvideoError) {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        switch (parts.count, parts[0]) {
        case (1, "frame"):
            self = .frame
        case (1, "clip"):
            self = .clip
        case (3, "percentile"),
            (4, "clip") where parts[parts.count - 3] == "percentile":
            let (low, high) = (Double(parts[parts.count - 2]), Double(parts[parts.count - 1]))
            guard let low, let high, 0 <= low, low < high, high <= 100 else {
                throw VitvideoError(
                    .usage,
                    reason:
                        "scale '\(text)': the percentiles are two numbers of 0 to 100, the smaller first, such as "
                        + "percentile:2:98")
            }
            self =
                parts.count == 3 ? .percentile(low: low, high: high) : .clipPercentile(low: low, high: high)
        case (1, "smooth"):
            self = .smooth(halfLifeSeconds: Self.defaultHalfLifeSeconds)
        case (2, "smooth"):
            guard let seconds = Double(parts[1]), seconds > 0, seconds.isFinite else {
                throw VitvideoError(
                    .usage, reason: "scale '\(text)': the half-life is a number of seconds above 0")
            }
            self = .smooth(halfLifeSeconds: seconds)
        case (2, _):
            guard let low = Float(parts[0]), let high = Float(parts[1]), low.isFinite, high.isFinite,
                low < high
            else {
                throw VitvideoError(
                    .usage,
                    reason: "scale '\(text)': MIN:MAX are two numbers, the smaller first, such as 0:0.02")
            }
            self = .fixed(minimum: low, maximum: high)
        default:
            throw VitvideoError(
                .usage,
                reason:
                    "scale '\(text)' is none of frame, percentile:LOW:HIGH, clip, clip:percentile:LOW:HIGH, smooth, "
                    + "smooth:SECONDS, MIN:MAX")
        }
    }
}

/// Scales the raw maps of one head (or of one fused map) to heat, frame after frame.
///
/// Each map that is shown has a scaler of its own, because `smooth` remembers. What it follows: with `low` and
/// `high` the range used for the frame before, `minimum` and `maximum` those of this frame's map, and `dt` the
/// time since the frame before,
///
///     k = 1 − 2^(−dt / halfLife)
///     low  ← low  + k · (minimum − low)
///     high ← high + k · (maximum − high)
///
/// The first frame gives the range as it is. Times are those of the frames, so a gap in a variable frame rate
/// counts for its length; a frame whose time is not later than the last one's leaves the range where it is,
/// except that a step back in time (another clip begins) starts over.
package struct HeatScaler: Sendable {
    package let scale: HeatScale
    /// What `smooth` remembers of the frames before: the range, and the time it belongs to. Nil before the first
    /// frame, and with other scales.
    package var memory: Memory?

    package struct Memory: Sendable, Equatable, Codable {
        package var low: Double
        package var high: Double
        package var timeSeconds: Double

        package init(low: Double, high: Double, timeSeconds: Double) {
            self.low = low
            self.high = high
            self.timeSeconds = timeSeconds
        }
    }

    /// - Parameter limits: those of the clip, which stand for its scales; without them each frame has its own.
    package init(_ scale: HeatScale, limits: ClosedRange<Float>? = nil) {
        if scale.isOfClip, let limits {
            self.scale = .fixed(minimum: limits.lowerBound, maximum: limits.upperBound)
        } else {
            self.scale = scale
        }
    }

    /// The values that become heat 0 and 1 in this frame. Values that are not finite do not count; a map
    /// without any other has the range 0...0.
    package mutating func range(of map: Plane, at timeSeconds: Double) -> (low: Float, high: Float) {
        switch scale {
        case .frame, .clip:
            return Self.finiteRange(of: map)
        case .percentile(let low, let high), .clipPercentile(let low, let high):
            let range = Percentile.range(of: map.values, low: low, high: high) ?? 0...0
            return (range.lowerBound, range.upperBound)
        case .fixed(let minimum, let maximum):
            return (minimum, maximum)
        case .smooth(let halfLifeSeconds):
            return follow(Self.finiteRange(of: map), at: timeSeconds, halfLifeSeconds)
        }
    }

    /// Goes on to a frame whose map's own range is known, without the map.
    package mutating func follow(_ range: (low: Float, high: Float), at timeSeconds: Double) {
        guard case .smooth(let halfLifeSeconds) = scale else { return }
        _ = follow(range, at: timeSeconds, halfLifeSeconds)
    }

    private mutating func follow(
        _ range: (low: Float, high: Float), at timeSeconds: Double, _ halfLifeSeconds: Double
    ) -> (low: Float, high: Float) {
        guard let last = memory, timeSeconds >= last.timeSeconds else {
            memory = Memory(low: Double(range.low), high: Double(range.high), timeSeconds: timeSeconds)
            return range
        }
        let k = 1 - exp2(-(timeSeconds - last.timeSeconds) / halfLifeSeconds)
        let low = last.low + k * (Double(range.low) - last.low)
        let high = last.high + k * (Double(range.high) - last.high)
        memory = Memory(low: low, high: high, timeSeconds: timeSeconds)
        return (Float(low), Float(high))
    }

    /// The map as heat: (m − low) / (high − low), all 0 where the range is empty (a constant map).
    ///
    /// With other scales than `frame`, values outside the range give heats outside 0...1, which the color map clamps;
    /// NaN stays NaN.
    package mutating func heat(of map: Plane, at timeSeconds: Double) -> Plane {
        let (low, high) = range(of: map, at: timeSeconds)
        guard high > low else { return Plane(height: map.height, width: map.width) }
        // matplotlib subtracts in float32 and divides by the float64 difference rounded to float32.
        let span = Float(Double(high) - Double(low))
        return Plane(height: map.height, width: map.width, values: map.values.map { ($0 - low) / span })
    }

    /// The smallest and largest of a map's finite values; 0 and 0 where there are none.
    static func finiteRange(of map: Plane) -> (low: Float, high: Float) {
        var low = Float.infinity
        var high = -Float.infinity
        for value in map.values where value.isFinite {
            low = min(low, value)
            high = max(high, value)
        }
        return low <= high ? (low, high) : (0, 0)
    }
}
