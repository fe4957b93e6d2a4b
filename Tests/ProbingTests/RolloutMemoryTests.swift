import Base
import Foundation
import Probing
import Testing
import ViT

@Suite struct RolloutMemoryTests {
    /// ViT-B/16.
    static let base = Configuration(
        family: .dino, patchSize: 16, width: 768, depth: 12, heads: 12, nativeRows: 14, nativeColumns: 14)

    /// Only a discard keeps a whole matrix, and only one.
    @Test func aDiscardCostsOneMatrix() throws {
        let tokens = 45 * 80 + 1
        let without = RolloutMemory.bytes(Self.base, rows: 45, columns: 80, options: try RolloutOptions())
        let with = RolloutMemory.bytes(
            Self.base, rows: 45, columns: 80, options: try RolloutOptions(discardRatio: 0.5))
        #expect(with - without == (tokens - AttentionStrip.usualRows) * tokens * 4)
    }

    /// The forward pass counts once, however many rollouts share it.
    @Test func aSetCostsAMatrixForEachDiscard() throws {
        let tokens = 45 * 80 + 1
        let one = try RolloutOptions(discardRatio: 0.5)
        let alone = RolloutMemory.bytes(Self.base, rows: 45, columns: 80, options: one)
        let three = RolloutMemory.bytes(Self.base, rows: 45, columns: 80, together: [one, one, one])
        #expect(three - alone == 2 * (tokens * tokens + 3 * tokens) * 4)
    }

    @Test(arguments: [false, true], [0, 0.9]) func theLargestGridFitsAndTheNextDoesNot(
        isGradient: Bool, ratio: Double
    ) throws {
        let options = try RolloutOptions(discardRatio: ratio)
        let budget = 1_000_000_000
        func bytes(_ rows: Int, _ columns: Int) -> Int {
            RolloutMemory.bytes(
                Self.base, rows: rows, columns: columns, options: options, isGradient: isGradient)
        }
        let grid = try #require(
            RolloutMemory.largestGrid(
                Self.base, like: 450, 800, options: options, isGradient: isGradient, within: budget))
        #expect(bytes(grid.rows, grid.columns) <= budget)
        // 800 columns may stand for all but 801.
        func columns(_ rows: Int) -> Int { Int((801 * Double(rows) / 450).rounded(.up)) - 1 }
        #expect(grid.columns == columns(grid.rows))
        #expect(bytes(grid.rows + 1, columns(grid.rows + 1)) > budget)
        #expect(
            RolloutMemory.largestGrid(
                Self.base, like: 450, 800, options: options, isGradient: isGradient, within: 1000) == nil)

        func check(rows: Int, columns: Int, workers: Int = 1) throws {
            try RolloutMemory.check(
                Self.base, rows: rows, columns: columns, options: options, isGradient: isGradient,
                workers: workers, availableBytes: budget)
        }
        try check(rows: grid.rows, columns: grid.columns)
        #expect(throws: VitvideoError.self) { try check(rows: grid.rows, columns: grid.columns, workers: 2) }
        let refusal = #expect(throws: VitvideoError.self) { try check(rows: 450, columns: 800) }
        #expect(refusal?.kind == .usage)
        #expect(
            refusal?.nextStep
                == .fitMemory(resolution: grid.rows * 16, workers: nil, withoutDiscarding: ratio > 0))
    }
}
