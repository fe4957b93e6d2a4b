import Base
import Fixtures
import Methods
import Pixels
import Testing
import ViT
import VideoIO

@testable import Pipeline

/// What frames take over from one another: when, how much of it is told, and that it depends on nothing else.
@Suite struct ReuseTests {
    // MARK: Control

    /// Runs a control over frames of which each has an error in proportion to its threshold.
    private static func run(
        _ control: inout ReuseControl, frames: Int, errorPerThreshold: Double, share: Double = 0.2
    ) -> [ReuseControl.Step] {
        (0..<frames).map { _ in
            let step = control.next()
            switch step {
            case .whole: control.note(nil)
            case .reusing: control.note(ReuseControl.Outcome(computedShare: share, error: nil))
            case .checking(let threshold):
                control.note(
                    ReuseControl.Outcome(computedShare: share, error: Double(threshold) * errorPerThreshold))
            }
            return step
        }
    }

    private static func isWhole(_ step: ReuseControl.Step) -> Bool {
        if case .whole = step { true } else { false }
    }

    @Test(arguments: [1.0, 5, 20, 60]) func thresholdsFollowTheError(errorPerThreshold: Double) throws {
        var control = ReuseControl(levels: 0.5)
        let steps = Self.run(&control, frames: 200, errorPerThreshold: errorPerThreshold)
        #expect(steps[0] == .whole(isKept: true))
        guard case .reusing(let threshold) = steps[199] else {
            Issue.record("\(steps[199])")
            return
        }
        let error = Double(threshold) * errorPerThreshold
        #expect(error <= 0.5 && (error > 0.3 || threshold == 0.5), "\(error)")
        #expect(steps.count { if case .checking = $0 { true } else { false } } >= 6)
        #expect(steps.count(where: Self.isWhole) <= 4)
    }

    /// An error that no threshold brings down: all is computed, with a try now and then.
    @Test func aPromiseThatCannotBeKeptIsGivenUp() {
        var control = ReuseControl(levels: 0.5)
        let steps = Self.run(&control, frames: 200, errorPerThreshold: 1e4)
        #expect(steps.count { $0 == .whole(isKept: false) } >= 120)
    }

    /// Where nearly all has moved anyway, keeping it is left out.
    @Test func movementIsComputedPlainly() {
        var control = ReuseControl(levels: 0.5)
        let steps = Self.run(&control, frames: 260, errorPerThreshold: 1, share: 0.95)
        #expect(steps.count { $0 == .whole(isKept: false) } >= 220)
    }

    // MARK: Tally

    /// Errors that change with the threshold alone are estimated exactly, from the frames that are looked at.
    @Test func theEstimateFollowsTheError() {
        var tally = ReuseTally()
        var sum = 0.0
        func error(_ frame: Int) -> Double { frame <= 20 ? 1 : 0.2 }
        for frame in 0..<61 {
            let isChecked = frame == 20 || frame == 60
            let isWhole = frame == 0 || isChecked
            tally.add(
                FrameReuse(
                    computedShare: isChecked ? 1.25 : isWhole ? 1 : 0.25, isWhole: isWhole,
                    error: isChecked ? error(frame) : nil))
            if !isWhole { sum += error(frame) }
        }
        #expect(abs(tally.meanError - sum / 61) < 1e-9)
        #expect((tally.frames, tally.wholeFrames, tally.checks, tally.worstError) == (61, 3, 2, 1))
        #expect(abs(tally.computedShare - (1 + 2 * 1.25 + 58 * 0.25) / 61) < 1e-9)
        // Counted in pieces, each of which begins anew.
        var whole = ReuseTally()
        whole.add(tally)
        whole.add(tally)
        #expect(abs(whole.meanError - tally.meanError) < 1e-9 && whole.frames == 122)
        // Of what was never looked at nothing is known; it counts as the rest.
        for frame in 0..<4 { whole.add(FrameReuse(computedShare: 0.5, isWhole: frame == 0, error: nil)) }
        let share = (2 * sum + 3 * sum / 58) / 126
        #expect(abs(whole.meanError - share) < 1e-9)
    }

    @Test func differencesAreInLevels() {
        func plane(_ values: [Float]) -> Plane { Plane(height: 1, width: values.count, values: values) }
        // Each over its own range.
        #expect(MapDifference.levels(plane([0, 1, 2]), plane([5, 6, 7])) == 0)
        #expect(abs(MapDifference.levels(plane([0, 1, 2]), plane([0, 0.5, 2])) - 255 * 0.25 / 3) < 1e-5)
        #expect(MapDifference.levels(plane([3, 3]), plane([1, 1])) == 0)
    }

    // MARK: Stretches

    @Test func stretchesBeginWithSegments() {
        let plain = Stretches()
        #expect((0..<300).filter { plain.begin(at: $0) } == [0, 128, 256])
        let short = Stretches(segmentFrames: 50)
        #expect((0..<160).filter { short.begin(at: $0) } == [0, 50, 100, 150])
        let long = Stretches(segmentFrames: 200)
        #expect((0..<500).filter { long.begin(at: $0) } == [0, 128, 200, 328, 400])
        for stretches in [plain, short, long] {
            let numbers = (0..<500).map { stretches.number(of: $0) }
            #expect(zip(numbers, numbers.dropFirst()).allSatisfy { $0 == $1 || $0 + 1 == $1 })
        }
    }

    /// The items of a lane go to one worker in order, and the results come in the order of the items.
    @Test(arguments: [1, 2, 3, 5]) func lanesStayWithAWorker(workers: Int) throws {
        let counter = OrderedPipelineTests.Counter(limit: 100)
        let nextWorker = Monitor(0)
        let pipeline = OrderedPipeline<Int, (item: Int, worker: Int, before: Int)>(
            source: { counter.next() },
            makeWorker: {
                let number = nextWorker.wait { count -> Int? in
                    count += 1
                    return count
                }
                var last = -1
                return { item in
                    defer { last = item }
                    return (item, number, last)
                }
            }, workers: workers, queueDepth: 7, lane: { $0 / 7 }, meters: StageMeters())
        var results: [(item: Int, worker: Int, before: Int)] = []
        try pipeline.run { results.append($0) }
        #expect(results.map(\.item) == Array(0..<100))
        for (one, next) in zip(results, results.dropFirst()) where one.item / 7 == next.item / 7 {
            #expect(one.worker == next.worker && next.before == one.item)
        }
    }

    /// An error in one lane ends all of them.
    @Test func anErrorEndsAllLanes() {
        struct Refused: Error {}
        let counter = OrderedPipelineTests.Counter(limit: 1000)
        let pipeline = OrderedPipeline<Int, Int>(
            source: { counter.next() },
            makeWorker: {
                { item in
                    if item == 25 { throw Refused() }
                    return item
                }
            }, workers: 3, queueDepth: 7, lane: { $0 / 7 }, meters: StageMeters())
        #expect(throws: Refused.self) { try pipeline.run { _ in } }
    }
}
