import Base
import Checkpoints
import Fixtures
import Pixels
import Probing
import Testing
import ViT

/// Attention flow of whole models: against SciPy's flows (`golden_scripts/flow.py`), and between its bounds.
@Suite struct AttentionFlowTests {
    private typealias Matrix = [[Double]]

    static let blocks = [0..<1, 2..<3, 1..<3, 0..<2, 0..<3]

    @Test(arguments: Golden.names, [5, 64]) func asSciPyFindsIt(name: String, stripRows: Int) throws {
        let golden = try Golden(name)
        let expected = try golden.flow()
        let pass = try ForwardPass(model: golden.model)
        var worst: Float = 0
        for blocks in Self.blocks {
            let flow = AttentionFlow(pass: pass, blocks: blocks, stripRows: stripRows)
            // Twice over: nothing may be left of the picture before, of this size or another.
            for caseName in ["native", "wide", "native"] {
                let input = try golden.input(caseName)
                let wanted = try expected.floats("\(caseName)/\(blocks.lowerBound):\(blocks.upperBound)")
                let found = try flow.patchFlows(input).flows
                worst = max(worst, relativeError(found.map { Float($0) }, wanted))
                let sum = wanted.reduce(0, +)
                let map = try flow.run(input).map
                #expect(map.height == input.rows && map.width == input.columns)
                worst = max(worst, relativeError(map.values, wanted.map { $0 / sum }))
            }
        }
        #expect(worst <= 1e-4, "\(name): \(worst)")
        print("flow of \(name), strips of \(stripRows): \(worst)")
    }

    // MARK: Bounds

    /// (mean over heads + I)/2 with rows normalized, of a block that a replay shows.
    private static func capacities(_ replay: AttentionReplay, block: Int, tokens: Int) throws -> Matrix {
        var mean = Matrix(repeating: [Double](repeating: 0, count: tokens), count: tokens)
        let heads = Double(replay.pass.model.configuration.heads)
        try replay.show(block: block) { strip in
            for row in 0..<strip.rows {
                for column in 0..<tokens {
                    mean[strip.firstRow + row][column] += Double(strip.values[row * tokens + column]) / heads
                }
            }
        }
        return mean.enumerated().map { index, row in
            var row = row
            row[index] += 1
            let sum = row.reduce(0, +)
            return row.map { $0 / sum }
        }
    }

    /// No patch gets less than rollout brings it, nor more than leads into it; through one block as much as the start
    /// attends to it. With a class token and without one, with a probe and without.
    @Test(arguments: [
        ("vit/plain.weights.safetensors", "vit/plain.cases"),
        ("vit/registers.weights.safetensors", "vit/registers.cases"),
        ("patches/ijepa.pth", "patches/ijepa.expected"),
        ("variants/reg_only", "variants/reg_only.expected"),
        ("siglip/transformers", "siglip/transformers.expected"),
    ])
    func betweenRolloutAndTheEdgesIntoIt(model: String, golden: String) throws {
        let heads = model.contains("plain") ? 3 : 2
        let model = try Model.load(Fixtures.golden(model).path, told: ModelFacts(heads: heads))
        let golden = try Checkpoint.open(Fixtures.golden("\(golden).safetensors").path)
        let shape = try #require(golden["wide/input"]).shape
        let c = model.configuration
        let input = Preprocessor(configuration: c, resolution: .native).patches(
            ofPlanes: try golden.floats("wide/input"), rows: shape[1] / c.patchSize,
            columns: shape[2] / c.patchSize)
        let patches = input.rows * input.columns
        let tokens = c.specialTokens + patches
        let pass = try ForwardPass(model: model)
        let replay = AttentionReplay(pass: pass)
        var request = ForwardRequest(attentionBlocks: [])
        request.wantsProbeAttention = c.pooling == .attentionProbe
        let probe = try replay.record(input, request).probeAttention
        for blocks in [0..<1, c.depth - 1..<c.depth, 0..<c.depth, 0..<c.depth - 1] {
            let matrices = try blocks.map { try Self.capacities(replay, block: $0, tokens: tokens) }
            var row = [Double](repeating: 0, count: tokens)
            if c.prefix.hasClassToken {
                row[0] = 1
            } else {
                for patch in 0..<patches {
                    // The probe looks at what comes out of the last block.
                    let seen = blocks.upperBound == c.depth ? probe : nil
                    row[c.specialTokens + patch] =
                        seen.map { seen in
                            (0..<c.heads).reduce(0) { $0 + Double(seen.values[$1 * patches + patch]) }
                                / Double(c.heads)
                        } ?? 1 / Double(patches)
                }
            }
            let start = row
            for matrix in matrices.reversed() {
                row = (0..<tokens).map { column in
                    (0..<tokens).reduce(0) { $0 + row[$1] * matrix[$1][column] }
                }
            }
            let flows = try AttentionFlow(pass: pass, blocks: blocks, stripRows: 5).patchFlows(input).flows
            #expect(flows.count == patches)
            for (patch, flow) in flows.enumerated() {
                let token = c.specialTokens + patch
                let into = matrices[0].reduce(0) { $0 + $1[token] }
                #expect(flow >= row[token] - 1e-5, "\(blocks), patch \(patch)")
                #expect(flow <= min(1, into) + 1e-5, "\(blocks), patch \(patch)")
                guard blocks.count == 1 else { continue }
                let attended = (0..<tokens).reduce(0) { $0 + min(start[$1], matrices[0][$1][token]) }
                #expect(abs(flow - attended) < 1e-5)
            }
            #expect(Set(flows).count > patches / 2)
        }
    }

    // MARK: Cost

    private static let small = Configuration(
        family: .dinov2, patchSize: 14, width: 384, depth: 12, heads: 6, nativeRows: 37, nativeColumns: 37)

    private static func refusal(rows: Int, columns: Int, blocks: Int, bytes: Int? = nil) -> VitvideoError? {
        do {
            try AttentionFlowCost.check(
                small, rows: rows, columns: columns, blocks: blocks, workers: 1, availableBytes: bytes)
            return nil
        } catch {
            return error as? VitvideoError
        }
    }

    /// What is named instead is not refused, and one more is.
    @Test func whatTakesTooLongIsRefusedWithWhatDoesNot() throws {
        #expect(Self.refusal(rows: 16, columns: 16, blocks: 12) == nil)
        let refusal = try #require(Self.refusal(rows: 90, columns: 160, blocks: 12))
        #expect(refusal.kind == .usage)
        #expect(
            refusal.description.hasPrefix("attention flow through 12 layers over 90×160 patches takes about"))
        guard case .shortenFlow(let blocks, let resolution?) = refusal.nextStep else {
            Issue.record("\(refusal)")
            return
        }
        // 160 columns may stand for all but 161.
        func refusalOfShape(rows: Int) -> VitvideoError? {
            Self.refusal(
                rows: rows, columns: Int((161 * Double(rows) / 90).rounded(.up)) - 1, blocks: 12)
        }
        #expect(refusalOfShape(rows: resolution / 14) == nil)
        #expect(refusalOfShape(rows: resolution / 14 + 1) != nil)
        if let blocks {
            #expect(Self.refusal(rows: 90, columns: 160, blocks: blocks) == nil)
            #expect(Self.refusal(rows: 90, columns: 160, blocks: blocks + 1) != nil)
        }
    }

    @Test func whatDoesNotFitIntoMemoryIsRefused() throws {
        let bytes = AttentionFlowCost.bytes(Self.small, rows: 16, columns: 16, blocks: 12)
        // Two numbers of 32 bits for each edge but those of the first and the last block.
        #expect(bytes > 2 * 4 * 257 * 257 * 10)
        #expect(Self.refusal(rows: 16, columns: 16, blocks: 12, bytes: bytes) == nil)
        let refusal = try #require(Self.refusal(rows: 16, columns: 16, blocks: 12, bytes: bytes - 1))
        #expect(refusal.description.hasPrefix("attention flow over 16×16 patches takes"))
        guard case .fitMemory(let resolution?, workers: nil, withoutDiscarding: false) = refusal.nextStep
        else {
            Issue.record("\(refusal)")
            return
        }
        #expect(resolution == 15 * 14)
    }
}
