import Base
import Fixtures
import Synchronization
import Testing
import ViT

/// Passes ask between their parts whether they are to be given up.
@Suite struct CancellationTests {
    /// Says yes from the `limit`-th time on that it is asked.
    private final class Wish: Sendable {
        private let count = Atomic<Int>(0)
        let limit: Int

        init(limit: Int) { self.limit = limit }

        var asked: Int { count.load(ordering: .relaxed) }

        func isWanted() -> Bool { count.add(1, ordering: .relaxed).oldValue >= limit }
    }

    enum Work: CaseIterable {
        case forward, sharedForward, replay, backward, backwardReplay

        /// - Returns: the pass over a picture.
        func make(_ golden: Golden) throws -> () throws -> Void {
            let (model, input) = (golden.model, try golden.input("native"))
            let c = model.configuration
            let request = ForwardRequest(attentionBlocks: [c.depth - 1])
            switch self {
            case .forward, .sharedForward:
                let pass = try ForwardPass(
                    engine: try Engine(model: model), threads: self == .forward ? 1 : 3)
                return { _ = try pass.run(input, request) }
            case .replay:
                let replay = AttentionReplay(pass: try ForwardPass(model: model))
                return {
                    _ = try replay.record(input)
                    for block in 0..<c.depth { try replay.show(block: block) { _ in } }
                }
            case .backward, .backwardReplay:
                let pass = BackwardPass(model: model, stripRows: 5)
                let gradient = GradientRequest(
                    target: .topLogit, keepsAttention: self == .backwardReplay)
                return {
                    _ = try pass.run(input, gradient)
                    guard self == .backwardReplay else { return }
                    try pass.replayAttention(.attention(block: 0), besideBlock: 1) { _ in }
                }
            }
        }
    }

    /// However far it has come, it ends at the next question, and can be run again.
    @Test(arguments: Work.allCases) func aPassIsGivenUpWhereverItIs(_ work: Work) throws {
        let golden = try Golden("supervised")
        let run = try work.make(golden)
        let patient = Wish(limit: .max)
        try Cancellation.asking(patient.isWanted) { try run() }
        #expect(patient.asked > 3 * golden.model.configuration.depth)
        for limit in [0, 1, patient.asked / 2, patient.asked - 1] {
            let wish = Wish(limit: limit)
            #expect(throws: Cancellation.Cancelled.self) {
                try Cancellation.asking(wish.isWanted) { try run() }
            }
            // Those that share a picture each ask once more.
            #expect((limit + 1...limit + 3).contains(wish.asked))
        }
        try run()
    }
}
