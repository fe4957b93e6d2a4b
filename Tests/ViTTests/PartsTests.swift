import CKernels
import Fixtures
import Testing

@testable import ViT

/// Every part in which families differ, on tiny random models, against `NaiveTransformer`: the forward pass
/// stage by stage, and the gradients against its finite differences.
@Suite struct PartsTests {
    /// A configuration that has some parts of its own.
    struct Case: Sendable, CustomTestStringConvertible {
        let name: String
        let configuration: Configuration
        var grid = (rows: 2, columns: 3)

        var testDescription: String { name }

        init(
            _ name: String, grid: (rows: Int, columns: Int) = (2, 3), _ change: (inout Configuration) -> Void
        ) {
            self.name = name
            self.grid = grid
            var c = Configuration(
                family: .vit, patchSize: 2, width: 16, depth: 2, heads: 2, feedForwardWidth: 20,
                nativeRows: 2, nativeColumns: 3, classes: 3)
            change(&c)
            configuration = c
        }
    }

    static let cases = [
        Case("plain") { _ in },
        Case("rotary, registers, keys without bias", grid: (3, 4)) {
            $0.position = .none
            $0.rotary = .dinov3
            $0.prefix.registers = 2
            $0.qkvBias = [.queries, .values]
            $0.hasLayerScale = true
            $0.layerNormEpsilon = 1e-5
        },
        Case("rotary, gated, no qkv bias", grid: (1, 5)) {
            $0.position = .none
            $0.rotary = .dinov3
            $0.activation = .swiglu
            $0.qkvBias = []
        },
        Case("rotary by neighbors beside a table, gated, hidden values normed") {
            $0.rotary = RotaryPositions(.reference(side: 5), pairs: .neighbors, base: 50)
            $0.activation = .swiglu
            $0.qkvBias = [.queries, .values]
            $0.normalizesHidden = true
        },
        Case("GELU, norms inside") {
            $0.normalizesHidden = true
            $0.normalizesAttention = true
        },
        Case("relative positions a block, norm of the mean, no final norm") {
            $0.position = .none
            $0.relativePositions = .perBlock
            $0.qkvBias = [.queries, .values]
            $0.hasLayerScale = true
            $0.pooling = .meanPatch
            $0.hasFinalNorm = false
            $0.hasPoolingNorm = true
        },
        Case("shared relative positions beside a table, norm of the class token") {
            $0.relativePositions = .shared
            $0.hasPoolingNorm = true
        },
        Case("queries and keys normed") { $0.normalizesQueriesAndKeys = true },
        Case("queries and keys normed and rotated, no linear bias", grid: (3, 2)) {
            $0.position = .none
            $0.rotary = .dinov3
            $0.normalizesQueriesAndKeys = true
            $0.hasLinearBias = false
        },
        Case("no positions", grid: (3, 2)) { $0.position = .none },
        Case("table without an entry for the class token") {
            $0.position = .learned(coversPrefix: false)
            $0.prefix.registers = 1
        },
        Case("no class token, mean, sine and cosine", grid: (3, 4)) {
            $0.prefix.hasClassToken = false
            $0.position = .sineCosine
            $0.pooling = .meanPatch
        },
        Case("no prefix tokens, learned table") {
            $0.prefix.hasClassToken = false
            $0.pooling = .meanPatch
        },
        Case("norm before the blocks, QuickGELU, no patch bias") {
            $0.normalizesBeforeBlocks = true
            $0.activation = .quickGELU
            $0.hasPatchBias = false
            $0.layerNormEpsilon = 1e-5
        },
        Case("GELU by tanh, values without bias") {
            $0.activation = .geluTanh
            $0.qkvBias = [.queries, .keys]
        },
        Case("queries without bias") { $0.qkvBias = [.keys, .values] },
        Case("attention probe") {
            $0.prefix.hasClassToken = false
            $0.activation = .geluTanh
            $0.pooling = .attentionProbe
        },
        Case("attention probe, gated, rotary", grid: (2, 4)) {
            $0.position = .none
            $0.rotary = RotaryPositions(.centered, pairs: .halves, base: 50)
            $0.prefix.registers = 1
            $0.activation = .swiglu
            $0.pooling = .attentionProbe
        },
    ]

    /// A model of random weights, and its naive twin.
    struct Twins {
        let model: Model
        let naive: NaiveTransformer
        let planes: [Float]
        let input: PatchMatrix
        let tokens: Int
        /// Of `GradientTarget.tokens`.
        let weights: [Float]

        init(_ item: Case) throws {
            let c = item.configuration
            var seed: UInt64 = 100
            var tensors: [String: [Float]] = [:]
            for (name, shape) in CanonicalNames.required(by: c) {
                seed += 1
                let count = shape.reduce(1, *)
                let isGain = name.contains("norm") && name.hasSuffix(".weight") || name.hasSuffix("gamma")
                // Weights of this size give attention that is far from even.
                let spread: Float = shape.count == 2 ? 2 / Float(shape[1]).squareRoot() : 0.7
                tensors[name] = KernelTests.values(count, seed: seed, spread: spread).map {
                    isGain ? 1 + 0.5 * $0 : $0
                }
            }
            let values = tensors
            model = Model(
                configuration: c, name: item.name, weightsHash: "",
                weights: Weights(configuration: c) { values[$0]! },
                readBlock: { BlockWeights($0, of: c) { values[$0]! } })
            let (rows, columns) = item.grid
            naive = NaiveTransformer(
                c: c, tensors: tensors.mapValues { $0.map(Double.init) }, rows: rows, columns: columns)
            planes = KernelTests.values(3 * rows * columns * c.patchSize * c.patchSize, seed: 7, spread: 2)
            input = Preprocessor(configuration: c, resolution: .native)
                .patches(ofPlanes: planes, rows: rows, columns: columns)
            tokens = c.specialTokens + rows * columns
            weights = KernelTests.values(tokens * c.width, seed: 8, spread: 1)
        }

        func trace() -> NaiveTransformer.Trace { naive.run(planes.map(Double.init)) }

        /// The number that gradients are taken of: a logit, and without a classifier a sum over all tokens.
        func score(_ trace: NaiveTransformer.Trace, _ target: GradientTarget) -> Double {
            if case .logit(let index) = target { return trace.logits[index] }
            return zip(weights, trace.norm.joined()).reduce(0) { $0 + Double($1.0) * $1.1 }
        }
    }

    static func error(_ values: some Sequence<Float>, _ expected: some Sequence<Double>) -> Float {
        relativeError(values, expected.map { Float($0) })
    }

    static let tolerance: Float = 2e-5

    // MARK: Forward

    @Test(arguments: cases, [Engine.Library.openBLAS, .oneDNN, .own])
    func everyStage(_ item: Case, library: Engine.Library) throws {
        let twins = try Twins(item)
        let expected = twins.trace()
        let c = item.configuration
        let pass = try ForwardPass(
            engine: try Engine(model: twins.model, library: library, precision: .float32), threads: 2)
        var request = ForwardRequest(
            attentionBlocks: Set(0..<c.depth), query: .token(twins.tokens - 1), wantsTokens: true,
            wantsLogits: true)
        request.wantsProbeAttention = true
        let stages =
            [.embedding, .norm] + (0..<c.depth).flatMap { [ForwardStage.attention(block: $0), .block($0)] }
        var seen = 0
        var worst: Float = 0
        let result = try pass.run(twins.input, request, observing: Set(stages)) { stage, head, values in
            seen += 1
            let error =
                switch stage {
                case .embedding: Self.error(values, expected.embedding.joined())
                case .attention(let block):
                    Self.error(values, expected.attention[block][head ?? -1].joined())
                case .block(let block): Self.error(values, expected.blocks[block].joined())
                default: Self.error(values, expected.norm.joined())
                }
            worst = max(worst, error)
            #expect(error <= Self.tolerance, "\(item.name), \(stage): \(error)")
        }
        print("\(item.name), \(library): \(worst)")
        #expect(seen == stages.count - c.depth + c.depth * c.heads)
        #expect(Self.error(result.tokens, expected.norm.joined()) <= Self.tolerance)
        #expect(Self.error(result.logits, expected.logits) <= Self.tolerance)
        if c.pooling == .attentionProbe {
            let probe = try #require(result.probeAttention)
            #expect((probe.heads, probe.rows, probe.columns) == (c.heads, item.grid.rows, item.grid.columns))
            #expect(Self.error(probe.values, expected.probeAttention.joined()) <= Self.tolerance)
        } else {
            #expect(result.probeAttention == nil)
        }
    }

    /// The attention of single tokens, and all of it by strips in replay.
    @Test(arguments: cases) func attention(_ item: Case) throws {
        let twins = try Twins(item)
        let expected = twins.trace().attention
        let c = item.configuration
        let pass = try ForwardPass(model: twins.model)
        for query in 0..<twins.tokens {
            let result = try pass.run(
                twins.input, ForwardRequest(attentionBlocks: Set(0..<c.depth), query: .token(query)))
            for block in 0..<c.depth {
                let rows = expected[block].flatMap { $0[query][c.specialTokens...] }
                let found = try #require(result.attention[block]).values
                #expect(Self.error(found, rows) <= Self.tolerance, "\(item.name), token \(query)")
            }
        }
        let mean = try pass.run(
            twins.input, ForwardRequest(attentionBlocks: Set(0..<c.depth), query: .meanPatch))
        for block in 0..<c.depth {
            let patches = c.specialTokens..<twins.tokens
            let means = expected[block].flatMap { head in
                patches.map { key in
                    patches.reduce(0) { $0 + head[$1][key] } / Double(patches.count)
                }
            }
            #expect(Self.error(try #require(mean.attention[block]).values, means) <= Self.tolerance)
        }
        let replay = AttentionReplay(pass: pass, stripRows: 4)
        _ = try replay.record(twins.input)
        for block in (0..<c.depth).reversed() {
            try replay.show(block: block) { strip in
                let rows = expected[block][strip.head][strip.firstRow..<strip.firstRow + strip.rows]
                #expect(Self.error(strip.values, rows.joined()) <= Self.tolerance)
            }
        }
    }

    /// Heads 16 wide, as the kernels in bfloat16 want them. What is compared is the tokens' error as a share
    /// of their size: bfloat16 has a relative error of 0.2 % a value.
    @Test(.enabled(if: vv_cpu_has_bfloat16()), arguments: cases, [Precision.bfloat16, .int8])
    func reducedPrecision(_ item: Case, precision: Precision) throws {
        guard precision == .bfloat16 || vv_cpu_has_int8() else { return }
        let wide = Case(item.name, grid: item.grid) {
            $0 = item.configuration
            $0.width = 32
        }
        let twins = try Twins(wide)
        let pass = try ForwardPass(
            engine: try Engine(model: twins.model, library: .oneDNN, precision: precision))
        let tokens = try pass.run(
            twins.input, ForwardRequest(attentionBlocks: [], wantsTokens: true)
        ).tokens
        let expected = Array(twins.trace().norm.joined())
        let difference = zip(tokens, expected).map { Double($0) - $1 }.reduce(0) { $0 + $1 * $1 }
        let error = (difference / expected.reduce(0) { $0 + $1 * $1 }).squareRoot()
        print("\(item.name), \(precision): \(error)")
        #expect(error < (precision == .bfloat16 ? 0.03 : 0.08))
    }

    // MARK: Backward

    static let step = 1e-5

    /// Central differences of the twin, in double precision.
    static func slope(_ score: (_ step: Double) -> Double) -> Double {
        (score(step) - score(-step)) / (2 * step)
    }

    static let targets: [GradientTarget] = [.logit(1), .tokens([])]

    @Test(arguments: cases, targets) func inputGradient(_ item: Case, target: GradientTarget) throws {
        let twins = try Twins(item)
        let target = target == .tokens([]) ? .tokens(twins.weights) : target
        let result = try BackwardPass(model: twins.model, stripRows: 4).run(
            twins.input, GradientRequest(target: target, wantsInput: true))
        let exact = twins.score(twins.trace(), target)
        #expect(abs(Double(result.score) - exact) <= 1e-4 * max(1, abs(exact)))
        let planes = twins.planes.map(Double.init)
        let expected = planes.indices.map { i in
            Self.slope { step in
                var moved = planes
                moved[i] += step
                return twins.score(twins.naive.run(moved), target)
            }
        }
        let error = Self.error(result.input, expected)
        print("\(item.name): \(error)")
        #expect(error <= 1e-4)
    }

    /// With respect to every third entry of each head's attention, shown in the pass and in replay.
    @Test(arguments: cases) func attentionGradient(_ item: Case) throws {
        let twins = try Twins(item)
        let c = item.configuration
        let planes = twins.planes.map(Double.init)
        let pass = BackwardPass(model: twins.model, stripRows: 4)
        let stages = Set((0..<c.depth).map { GradientStage.attention(block: $0) })
        var found: [GradientStage: [Int: Float]] = [:]
        func gather(_ observed: ObservedGradient) {
            for (i, value) in observed.gradient.enumerated() {
                let index = ((observed.head ?? 0) * twins.tokens + observed.firstRow) * twins.tokens + i
                found[observed.stage, default: [:]][index] = value
            }
        }
        let request = GradientRequest(target: .logit(1), keepsAttention: true)
        _ = try pass.run(twins.input, request, observing: stages, observer: gather)
        let first = found
        found = [:]
        for stage in stages {
            try pass.replayAttention(stage, besideBlock: 0, gather)
        }
        #expect(found == first)

        for block in 0..<c.depth {
            let all = try #require(first[.attention(block: block)])
            let indices = Array(stride(from: block, to: c.heads * twins.tokens * twins.tokens, by: 3))
            let expected = indices.map { index in
                Self.slope { step in
                    let nudge = NaiveTransformer.Nudge(
                        block: block, head: index / (twins.tokens * twins.tokens),
                        row: index / twins.tokens % twins.tokens, column: index % twins.tokens,
                        amount: step)
                    return twins.score(twins.naive.run(planes, nudge: nudge), .logit(1))
                }
            }
            let error = Self.error(indices.map { all[$0] ?? .nan }, expected)
            #expect(error <= 1e-4, "\(item.name), block \(block): \(error)")
        }
    }

    /// Of an attention probe: its attention times the gradient with respect to it.
    @Test(arguments: cases.filter { $0.configuration.pooling == .attentionProbe })
    func probeGradient(_ item: Case) throws {
        let twins = try Twins(item)
        let planes = twins.planes.map(Double.init)
        let attention = twins.trace().probeAttention
        var found: [Float] = []
        let result = try BackwardPass(model: twins.model).run(
            twins.input, GradientRequest(target: .logit(1)), beforeBlocks: { found = $0 })
        #expect(found == result.probe && !found.isEmpty)
        let expected = attention.indices.flatMap { head in
            attention[head].indices.map { patch in
                attention[head][patch]
                    * Self.slope { step in
                        var moved = twins.naive
                        moved.probeNudge = (head, patch, step)
                        return twins.score(moved.run(planes), .logit(1))
                    }
            }
        }
        #expect(Self.error(found, expected) <= 1e-4)
    }

    /// With respect to some values of every parameter.
    @Test(arguments: cases) func parameterGradients(_ item: Case) throws {
        let twins = try Twins(item)
        let planes = twins.planes.map(Double.init)
        let found = try BackwardPass(model: twins.model).run(
            twins.input, GradientRequest(target: .logit(1), wantsParameters: true)
        ).parameters
        let names = CanonicalNames.required(by: item.configuration).map(\.name).filter {
            !$0.hasPrefix("attn_pool.") && !$0.hasSuffix("relative_position_bias_table")
        }
        #expect(Set(found.keys) == Set(names))
        for name in names {
            let values = try #require(found[name])
            let indices = Array(stride(from: 0, to: values.count, by: max(1, values.count / 5)))
            let expected = indices.map { index in
                Self.slope { step in
                    var tensors = twins.naive.tensors
                    tensors[name]![index] += step
                    let moved = NaiveTransformer(
                        c: item.configuration, tensors: tensors, rows: item.grid.rows,
                        columns: item.grid.columns)
                    return twins.score(moved.run(planes), .logit(1))
                }
            }
            for (index, slope) in zip(indices, expected) {
                let scale = max(expected.map(abs).max() ?? 0, 1e-2)
                #expect(
                    abs(Double(values[index]) - slope) <= 2e-4 * scale,
                    "\(item.name), \(name)[\(index)]: \(values[index]), \(slope)")
            }
        }
    }

    // MARK: Tensors

    /// Which tensors a checkpoint holds follows from the parts.
    @Test func tensorsFollowFromTheParts() {
        func names(_ change: (inout Configuration) -> Void) -> Set<String> {
            Set(CanonicalNames.required(by: Case("", change).configuration).map(\.name))
        }
        let plain = names { _ in }
        #expect(plain.subtracting(names { $0.position = .none }) == ["pos_embed"])
        #expect(names { $0.rotary = .dinov3 } == plain)
        #expect(
            names { $0.relativePositions = .shared }.subtracting(plain)
                == ["rel_pos_bias.relative_position_bias_table"])
        #expect(
            names { $0.hasLinearBias = false }
                == plain.filter { name in
                    !["attn.proj.bias", "mlp.fc1.bias", "mlp.fc2.bias"].contains { name.hasSuffix($0) }
                })
        #expect(plain.subtracting(names { $0.prefix.hasClassToken = false }) == ["cls_token"])
        #expect(
            names { $0.normalizesBeforeBlocks = true }.subtracting(plain)
                == ["norm_pre.weight", "norm_pre.bias"])
        #expect(plain.subtracting(names { $0.hasPatchBias = false }) == ["patch_embed.proj.bias"])
        #expect(
            plain.subtracting(names { $0.qkvBias = [] })
                == ["blocks.0.attn.qkv.bias", "blocks.1.attn.qkv.bias"])
    }
}
