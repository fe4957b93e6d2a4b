/// Decides how the frames of a stretch are computed, one after the other: where all is computed, how much a token may
/// have moved, and where the error is looked at. Thresholds follow the error that is found.
struct ReuseControl {
    enum Step: Equatable {
        /// All is computed; kept for the next frame or not.
        case whole(isKept: Bool)
        /// A frame that takes over what has moved by less than the threshold.
        case reusing(threshold: Float)
        /// The same, and the whole computation beside it.
        case checking(threshold: Float)
    }

    /// What came of a frame that took over.
    struct Outcome {
        /// Share of tokens and blocks that were computed.
        let computedShare: Double
        /// In levels, where it was looked at.
        let error: Double?
    }

    /// The error that may be made, in levels of 255.
    private let levels: Double
    private var threshold: Float
    /// Frames since all was computed and kept.
    private var age = 0
    /// Frames that are computed apart before the next try.
    private var pause = 0
    /// How long the next pause is: twice the last one where nothing was saved since.
    private var nextPause = Self.pauseFrames
    /// What frames have cost lately, checks included, in whole computations.
    private var cost = Self.startingCost

    /// Ages at which the error is looked at.
    private static func isChecked(age: Int) -> Bool { age == 2 || age == 8 || age % 32 == 24 }
    /// The error that is aimed at, as a share of what may be: frames between two checks are worse and better.
    private static let aim = 0.8
    private static let thresholds: ClosedRange<Float> = 0.004...0.5
    /// What a frame may cost on average; above it keeping costs more than it saves.
    private static let worthwhile = 0.93
    /// What is believed of a try at its beginning, so that it has some frames to show its worth.
    private static let startingCost = 0.5
    /// The weight of a frame in the average.
    private static let weight = 0.125
    private static let pauseFrames = 24

    init(levels: Double) {
        self.levels = levels
        threshold = Self.clamped(Float(levels) * 0.05)
    }

    /// How the next frame is computed.
    func next() -> Step {
        if pause > 0 { return .whole(isKept: false) }
        if age == 0 { return .whole(isKept: true) }
        return Self.isChecked(age: age) ? .checking(threshold: threshold) : .reusing(threshold: threshold)
    }

    /// Takes note of what came of that frame.
    ///
    /// - Parameter outcome: nil where all was computed as planned.
    mutating func note(_ outcome: Outcome?) {
        if pause > 0 {
            pause -= 1
            return
        }
        if let outcome {
            age = outcome.computedShare == 1 ? 1 : age + 1
            spend(outcome.computedShare + (outcome.error == nil ? 0 : 1))
            if let error = outcome.error { follow(error) }
        } else {
            age = 1
            spend(1)
        }
        if cost > Self.worthwhile {
            (pause, age, cost) = (nextPause, 0, Self.startingCost)
            nextPause *= 2
        } else if cost < Self.startingCost {
            nextPause = Self.pauseFrames
        }
    }

    private mutating func spend(_ share: Double) { cost += Self.weight * (share - cost) }

    private mutating func follow(_ error: Double) {
        let ratio = Self.aim * levels / max(error, 0.05 * levels)
        let isLeast = threshold == Self.thresholds.lowerBound
        threshold = Self.clamped(threshold * Float(min(max(ratio, 0.4), 2.5)))
        guard error > levels else { return }
        // What is kept has the error in it.
        age = 0
        // Where even the least threshold does not help, nothing does.
        if isLeast { cost = .infinity }
    }

    private static func clamped(_ threshold: Float) -> Float {
        min(max(threshold, thresholds.lowerBound), thresholds.upperBound)
    }
}
