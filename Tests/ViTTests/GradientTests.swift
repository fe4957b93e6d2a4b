import Base
import Checkpoints
import Fixtures
import Foundation
import Testing
import ViT

/// The reverse pass against PyTorch's autograd in double precision.
@Suite struct GradientTests {
    static let tolerance: Float = 1e-4

    /// Autograd's class; models without a classifier were given a linear head, which the golden brings along.
    static func target(_ golden: Golden, _ gradients: Checkpoint) throws -> GradientTarget {
        let index = try #require(gradients.metadata["class"].flatMap { Int($0) })
        guard golden.config.classes == 0 else { return .logit(index) }
        let width = golden.config.width
        return .classToken(Array(try gradients.floats("head.weight")[index * width..<(index + 1) * width]))
    }

    /// Strips of 5 rows do not divide the tokens; 64 hold them all.
    @Test(arguments: Golden.names, [5, 64]) func everyGradient(name: String, stripRows: Int) throws {
        let golden = try Golden(name)
        let c = golden.model.configuration
        let expected = try golden.gradients()
        let pass = BackwardPass(model: golden.model, stripRows: stripRows)
        let index = try #require(expected.metadata["class"].flatMap { Int($0) })
        var worst: [String: Float] = [:]
        for caseName in ["native", "wide"] {
            let input = try golden.input(caseName)
            let tokens = c.specialTokens + input.rows * input.columns
            var stages: Set<GradientStage> = [.embedding]
            for block in 0..<c.depth {
                stages.formUnion([.block(block), .attention(block: block), .scores(block: block)])
            }
            var gathered = Gathered(tokens: tokens, heads: c.heads)
            let result = try pass.run(
                input,
                GradientRequest(
                    target: try Self.target(golden, expected), wantsInput: true, wantsParameters: true),
                observing: stages
            ) { gathered.add($0) }

            let logit = try expected.floats("\(caseName)/logits")[index]
            if c.classes > 0 {
                #expect(abs(result.score - logit) <= 1e-4 * abs(logit))
                #expect(result.targetClass == index)
                #expect(
                    relativeError(result.logits, try expected.floats("\(caseName)/logits"))
                        <= Self.tolerance)
            } else {
                let bias = try expected.floats("head.bias")[index]
                #expect(abs(result.score + bias - logit) <= 1e-4 * max(abs(logit), 1))
            }

            func compare(_ values: [Float]?, _ name: String) throws {
                let error = relativeError(
                    try #require(values, "\(name)"), try expected.floats("\(caseName)/\(name)"))
                worst[name.hasPrefix("parameter") ? "parameters" : String(name.prefix(14)), default: 0].max(
                    error)
                #expect(error <= Self.tolerance, "\(golden.name) \(caseName) \(name): \(error)")
            }
            try compare(result.input, "grad.input")
            try compare(gathered.gradients[.embedding], "grad.embed")
            for block in 0..<c.depth {
                try compare(gathered.gradients[.block(block)], "grad.block.\(block)")
                try compare(gathered.gradients[.attention(block: block)], "grad.attention.\(block)")
                let attention = try golden.cases.floats("\(caseName)/attention.\(block)")
                for stage in [GradientStage.attention(block: block), .scores(block: block)] {
                    #expect(relativeError(gathered.values[stage] ?? [], attention) <= Self.tolerance)
                }
                let byAttention = try expected.floats("\(caseName)/grad.attention.\(block)")
                let byScores = Self.softmaxBackward(attention, byAttention, columns: tokens)
                let error = relativeError(gathered.gradients[.scores(block: block)] ?? [], byScores)
                #expect(error <= Self.tolerance, "\(golden.name) \(caseName) scores of \(block): \(error)")
            }
            let parameters = expected.names.filter { $0.hasPrefix("\(caseName)/parameter/") }
            #expect(
                caseName != "native" || ["layerscale", "supervised"].contains(name) || parameters.count > 15)
            for parameter in parameters {
                let short = String(parameter.dropFirst("\(caseName)/parameter/".count))
                try compare(result.parameters[short], "parameter/\(short)")
            }
            #expect(Set(result.parameters.keys) == Set(CanonicalNames.required(by: c).map(\.name)))
        }
        print("\(name), strips of \(stripRows):", worst.sorted { $0.key < $1.key }.map { "\($0) \($1)" })
    }

    /// A ⊙ (g − Σ_j A_j g_j) in double precision.
    static func softmaxBackward(_ attention: [Float], _ gradient: [Float], columns: Int) -> [Float] {
        var result = [Float](repeating: 0, count: attention.count)
        for row in stride(from: 0, to: attention.count, by: columns) {
            let dot = (row..<row + columns).reduce(0.0) { $0 + Double(attention[$1]) * Double(gradient[$1]) }
            for i in row..<row + columns {
                result[i] = Float(Double(attention[i]) * (Double(gradient[i]) - dot))
            }
        }
        return result
    }

    /// What was kept of a run can be shown again, in another order and beside another block's attention.
    @Test(arguments: Golden.names) func replay(name: String) throws {
        let golden = try Golden(name)
        let c = golden.model.configuration
        let expected = try golden.gradients()
        let pass = BackwardPass(model: golden.model, stripRows: 7)
        let input = try golden.input("wide")
        _ = try pass.run(
            input, GradientRequest(target: try Self.target(golden, expected), keepsAttention: true))
        for block in 0..<c.depth {
            let beside = c.depth - 1 - block
            var gathered = Gathered(
                tokens: c.specialTokens + input.rows * input.columns, heads: c.heads)
            let stage = GradientStage.attention(block: block)
            try pass.replayAttention(stage, besideBlock: beside) { gathered.add($0) }
            #expect(
                relativeError(
                    gathered.gradients[stage] ?? [], try expected.floats("wide/grad.attention.\(block)"))
                    <= Self.tolerance)
            #expect(
                relativeError(
                    gathered.values[stage] ?? [], try golden.cases.floats("wide/attention.\(beside)"))
                    <= Self.tolerance)
        }
    }

    @Test func whatTheModelDoesNotHaveIsAnError() throws {
        let plain = try Golden("plain")
        let input = try plain.input("native")
        let pass = BackwardPass(model: plain.model)
        #expect(throws: VitvideoError.noClassifier(model: "plain.weights.safetensors")) {
            try pass.run(input, GradientRequest(target: .logit(0)))
        }
        #expect(throws: VitvideoError.wrongGradientLength(3, expected: 24)) {
            try pass.run(input, GradientRequest(target: .classToken([1, 2, 3])))
        }
        #expect(throws: VitvideoError.noSuchBlock(3, depth: 3)) {
            try pass.run(
                input, GradientRequest(target: .classToken([Float](repeating: 0, count: 24))),
                observing: [.scores(block: 3)])
        }
        let supervised = try Golden("supervised")
        #expect(throws: VitvideoError.noSuchClass(11, classes: 11)) {
            try BackwardPass(model: supervised.model).run(
                try supervised.input("native"), GradientRequest(target: .logit(11)))
        }
    }
}

/// Whole gradients and values put together from what an observer is shown.
private struct Gathered {
    let tokens: Int
    let heads: Int
    var values: [GradientStage: [Float]] = [:]
    var gradients: [GradientStage: [Float]] = [:]

    init(tokens: Int, heads: Int) {
        self.tokens = tokens
        self.heads = heads
    }

    mutating func add(_ observed: ObservedGradient) {
        let rows = observed.head == nil ? observed.rows : heads * tokens
        let start = ((observed.head ?? 0) * tokens + observed.firstRow) * observed.columns
        let empty = [Float](repeating: .nan, count: rows * observed.columns)
        let range = start..<start + observed.rows * observed.columns
        values[observed.stage, default: empty].replaceSubrange(range, with: observed.value)
        gradients[observed.stage, default: empty].replaceSubrange(range, with: observed.gradient)
    }
}

extension Float {
    fileprivate mutating func max(_ other: Float) { self = Swift.max(self, other) }
}
