import Fixtures
import Testing

@testable import ViT

/// Attention out of kept queries and keys is that of the pass.
@Suite struct KeptAttentionTests {
    private func check(_ model: Model, _ input: PatchMatrix) throws {
        let c = model.configuration
        let pass = try ForwardPass(engine: try Engine(model: model), threads: 2)
        let (result, kept) = try pass.keepingAttention(
            input, ForwardRequest(attentionBlocks: [], wantsTokens: c.hasFinalNorm))
        let patches = c.specialTokens..<kept.tokens
        let queries: [AttentionQuery] =
            [.meanPatch, .token(patches.lowerBound), .token(patches.upperBound - 1)]
            + (c.prefix.hasClassToken ? [.token(0)] : [])
        for query in queries {
            let expected = try pass.run(
                input, ForwardRequest(attentionBlocks: Set(0..<c.depth), query: query)
            ).attention
            for block in 0..<c.depth {
                let attention = try kept.attention(from: query, block: block)
                #expect(attention.rows == input.rows && attention.columns == input.columns)
                let values = try #require(expected[block]?.values)
                #expect(relativeError(attention.values, values) < 1e-4, "\(model.name) \(query) \(block)")
            }
        }
        if c.hasFinalNorm {
            let tokens = try pass.run(input, ForwardRequest(attentionBlocks: [], wantsTokens: true)).tokens
            #expect(result.tokens == tokens)
        }
        #expect(throws: (any Error).self) { try kept.attention(from: .meanPatch, block: c.depth) }
        #expect(try kept.queriesAndKeys(ofBlock: 0).count == 2 * kept.tokens * c.width)
    }

    @Test(arguments: Golden.names) func familiesOfGoldens(name: String) throws {
        let golden = try Golden(name)
        try check(golden.model, try golden.input(golden.caseNames[0]))
    }

    /// With biases by relative position, with rotary positions and normed keys, without a class token.
    @Test(arguments: [LibraryGoldenTests.beit[0], LibraryGoldenTests.eva[0], LibraryGoldenTests.siglip[0]])
    func otherPositions(_ example: LibraryGoldenTests.Case) throws {
        let model = try example.load()
        let c = model.configuration
        let (rows, columns) = (3, 4)
        let values = (0..<rows * columns * c.patchValues).map { Float($0 % 17) / 17 - 0.5 }
        try check(model, PatchMatrix(rows: rows, columns: columns, values: values))
    }
}
