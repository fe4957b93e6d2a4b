import Checkpoints
import Fixtures
import Pixels
import Probing
import Testing
import ViT

/// Rollout of models without a class token, against r·Ã_L ⋯ Ã_1 by whole matrices in double precision: every patch
/// counts alike in r, or as much as the pooling probe attends to it.
@Suite struct PooledRolloutTests {
    private typealias Matrix = [[Double]]

    struct Case: Sendable {
        let model: String
        let golden: String
    }

    static let cases = [
        Case(model: "patches/ijepa.pth", golden: "patches/ijepa"),
        Case(model: "variants/reg_only", golden: "variants/reg_only"),
        Case(model: "siglip/transformers", golden: "siglip/transformers"),
    ]

    private func load(_ item: Case) throws -> (model: Model, input: PatchMatrix) {
        let model = try Model.load(Fixtures.golden(item.model).path, told: ModelFacts(heads: 2))
        let golden = try Checkpoint.open(Fixtures.golden("\(item.golden).expected.safetensors").path)
        let shape = try #require(golden["wide/input"]).shape
        let c = model.configuration
        let input = Preprocessor(configuration: c, resolution: .native).patches(
            ofPlanes: try golden.floats("wide/input"), rows: shape[1] / c.patchSize,
            columns: shape[2] / c.patchSize)
        return (model, input)
    }

    /// (F + I)/2 with rows normalized.
    private func stochastic(_ fused: Matrix) -> Matrix {
        fused.enumerated().map { index, row in
            var row = row
            row[index] += 1
            let sum = row.reduce(0, +)
            return row.map { $0 / sum }
        }
    }

    private func product(_ row: [Double], _ matrix: Matrix) -> [Double] {
        (0..<row.count).map { column in row.indices.reduce(0) { $0 + row[$1] * matrix[$1][column] } }
    }

    /// Heads by their mean, entries transformed.
    private func fused(_ heads: [Matrix], _ change: (Double) -> Double = { $0 }) -> Matrix {
        heads[0].indices.map { i in
            heads[0].indices.map { j in change(heads.reduce(0) { $0 + $1[i][j] } / Double(heads.count)) }
        }
    }

    private func map(_ row: [Double], _ c: Configuration) -> [Float] {
        let patches = row[c.specialTokens...]
        let largest = patches.max() ?? 0
        return patches.map { Float($0 / largest) }
    }

    @Test(arguments: cases) func rollout(_ item: Case) throws {
        let (model, input) = try load(item)
        let c = model.configuration
        let pass = try ForwardPass(model: model)
        var request = ForwardRequest(attentionBlocks: [])
        request.wantsProbeAttention = true
        let replay = AttentionReplay(pass: pass)
        let probe = try replay.record(input, request).probeAttention
        let patches = input.rows * input.columns
        let tokens = c.specialTokens + patches
        var row = [Double](repeating: 0, count: tokens)
        for patch in 0..<patches {
            row[c.specialTokens + patch] =
                probe.map { probe in
                    (0..<c.heads).reduce(0) { $0 + Double(probe.values[$1 * patches + patch]) }
                        / Double(c.heads)
                } ?? 1 / Double(patches)
        }
        #expect((c.pooling == .attentionProbe) == (probe != nil))
        for block in (0..<c.depth).reversed() {
            var heads = [Matrix](repeating: [], count: c.heads)
            try replay.show(block: block) { strip in
                for index in 0..<strip.rows {
                    heads[strip.head].append(
                        strip.values[index * tokens..<(index + 1) * tokens].map { Double($0) })
                }
            }
            row = product(row, stochastic(fused(heads)))
        }
        let expected = map(row, c)
        let options = try RolloutOptions()
        let found = try Rollout(pass: pass, options: options, stripRows: 5).run(input).map
        #expect(relativeError(found.values, expected) <= 1e-4)
        #expect(try RolloutSet(pass: pass, stripRows: 5).run(input, [options]) == [found])
        #expect(Set(found.values).count > patches / 2)
    }

    /// A classifier on the mean of the patches.
    @Test func gradientRollout() throws {
        let (model, input) = try load(Case(model: "variants/avg_norm", golden: "variants/avg_norm"))
        let (gap, _) = try load(Case(model: "variants/gap", golden: "variants/gap"))
        #expect(model.configuration.prefix.hasClassToken && !gap.configuration.prefix.hasClassToken)
        let c = gap.configuration
        let tokens = c.specialTokens + input.rows * input.columns
        var weighted: [Int: [Matrix]] = [:]
        _ = try BackwardPass(model: gap).run(
            input, GradientRequest(target: .logit(1)),
            observing: Set((0..<c.depth).map { .attention(block: $0) })
        ) { observed in
            guard let block = observed.stage.block, let head = observed.head else { return }
            var heads = weighted[block] ?? [Matrix](repeating: [], count: c.heads)
            for index in 0..<observed.rows {
                heads[head].append(
                    (index * tokens..<(index + 1) * tokens).map {
                        Double(observed.value[$0]) * Double(observed.gradient[$0])
                    })
            }
            weighted[block] = heads
        }
        var row = (0..<tokens).map { $0 < c.specialTokens ? 0 : 1 / Double(tokens - c.specialTokens) }
        for block in (0..<c.depth).reversed() {
            row = product(row, stochastic(fused(try #require(weighted[block])) { max($0, 0) }))
        }
        let found = try GradientRollout(model: gap, options: try RolloutOptions(), stripRows: 5).run(
            input, target: .logit(1))
        #expect(relativeError(found.map.values, map(row, c)) <= 1e-4)
    }
}
