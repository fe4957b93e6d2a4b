import Base
import Checkpoints
import Fixtures
import Testing
import ViT

/// Tiny models against PyTorch, timm and transformers, block by block.
@Suite struct GoldenTests {
    static let tolerance: Float = 1e-4

    @Test(arguments: Golden.names) func inference(name: String) throws {
        let golden = try Golden(name)
        let c = golden.model.configuration
        #expect(c.depth == golden.config.depth)
        #expect(c.width == golden.config.width)
        #expect(c.classes == golden.config.classes)
        #expect(c.registers == golden.config.registers)
        #expect(c.hasDistillationToken == golden.config.distilled)
        let isScaled = golden.config.position == "scale-offset"
        #expect((c.family.preset.positionInterpolation == .scaled) == isScaled)
        #expect(golden.caseNames.count >= 5)
    }

    @Test(arguments: Golden.names, [Engine.Library.openBLAS, .oneDNN, .own])
    func everyStage(name: String, library: Engine.Library) throws {
        let golden = try Golden(name)
        let c = golden.model.configuration
        let pass = try ForwardPass(
            engine: try Engine(model: golden.model, library: library, precision: .float32), threads: 2)
        for caseName in golden.caseNames {
            let blocks = 0..<c.depth
            let stages =
                [.embedding, .norm] + blocks.flatMap { [ForwardStage.attention(block: $0), .block($0)] }
            var seen = 0
            let result = try pass.run(
                try golden.input(caseName),
                ForwardRequest(
                    attentionBlocks: Set(blocks), wantsTokens: true, wantsLogits: c.classes > 0),
                observing: Set(stages)
            ) { stage, head, values in
                seen += 1
                var expected = try golden.cases.floats("\(caseName)/\(stage.goldenName)")
                if let head {
                    expected = Array(expected[head * values.count..<(head + 1) * values.count])
                }
                let error = relativeError(values, expected)
                #expect(error <= Self.tolerance, "\(name) \(caseName) \(stage): \(error)")
            }
            #expect(seen == 2 + c.depth + c.depth * c.heads)
            #expect(
                relativeError(result.tokens, try golden.cases.floats("\(caseName)/norm")) <= Self.tolerance)
            if c.classes > 0 {
                let expected = try golden.cases.floats("\(caseName)/logits")
                #expect(relativeError(result.logits, expected) <= Self.tolerance)
            }
        }
    }

    /// The rows computed without projecting the keys equal those of the whole matrix, for the class token
    /// and for a patch.
    @Test(arguments: Golden.names) func attentionRows(name: String) throws {
        let golden = try Golden(name)
        let c = golden.model.configuration
        let pass = try ForwardPass(model: golden.model)
        for caseName in golden.caseNames {
            let input = try golden.input(caseName)
            let tokens = c.specialTokens + input.rows * input.columns
            for block in 0..<c.depth {
                let all = try golden.cases.floats("\(caseName)/attention.\(block)")
                for query in [0, tokens - 1] {
                    let result = try pass.run(
                        input, ForwardRequest(attentionBlocks: [block], query: .token(query)))
                    let expected = (0..<c.heads).flatMap { head in
                        let row = (head * tokens + query) * tokens
                        return all[row + c.specialTokens..<row + tokens]
                    }
                    let attention = try #require(result.attention[block])
                    #expect(attention.rows == input.rows && attention.columns == input.columns)
                    #expect(relativeError(attention.values, expected) <= Self.tolerance)
                }
            }
        }
    }

    @Test(arguments: Golden.names) func positions(name: String) throws {
        let golden = try Golden(name)
        let c = golden.model.configuration
        for caseName in golden.caseNames {
            let input = try golden.input(caseName)
            let expected = try golden.cases.floats("\(caseName)/pos")
            let patches = Array(expected.suffix(input.rows * input.columns * c.width))
            let positions = golden.model.patchPositions(rows: input.rows, columns: input.columns)
            #expect(relativeError(positions, patches) <= 1e-5, "\(name) \(caseName)")
        }
    }

    @Test func aBlockOutsideTheModelIsAnError() throws {
        let golden = try Golden("plain")
        let pass = try ForwardPass(model: golden.model)
        #expect(throws: VitvideoError.noSuchBlock(3, depth: 3)) {
            try pass.run(try golden.input("native"), ForwardRequest(attentionBlocks: [3]))
        }
        #expect(try golden.model.block(at: -1) == 2)
        #expect(throws: VitvideoError.noSuchBlock(-4, depth: 3)) { try golden.model.block(at: -4) }
    }

    /// Queries and keys of every head, as the original splits them.
    @Test(arguments: Golden.names, ["native", "wide"]) func queriesAndKeys(name: String, caseName: String)
        throws
    {
        let golden = try Golden(name)
        let c = golden.model.configuration
        let blocks = 0..<c.depth
        _ = try ForwardPass(model: golden.model).run(
            try golden.input(caseName), ForwardRequest(attentionBlocks: []),
            observing: Set(blocks.map { .queriesKeysValues(block: $0) })
        ) { stage, _, values in
            guard case .queriesKeysValues(let block) = stage else { return }
            let tokens = values.count / (3 * c.width)
            for (part, letter) in ["q", "k"].enumerated() {
                let expected = try golden.cases.floats("\(caseName)/\(letter).\(block)")
                let found = (0..<c.heads).flatMap { head in
                    (0..<tokens).flatMap { token in
                        let start = token * 3 * c.width + part * c.width + head * c.headWidth
                        return values[start..<start + c.headWidth]
                    }
                }
                #expect(relativeError(found, expected) <= Self.tolerance)
            }
        }
    }
}

extension ForwardStage {
    var goldenName: String {
        switch self {
        case .embedding: "embed"
        case .queriesKeysValues(let block): "qkv.\(block)"
        case .attention(let block): "attention.\(block)"
        case .block(let block): "block.\(block)"
        case .norm: "norm"
        }
    }
}
