import Base
import Checkpoints
import Fixtures
import Foundation
import Pixels
import Probing
import Testing
import ViT

/// The other methods, each against its definition.
@Suite struct MethodTests {
    static let tolerance: Float = 1e-4

    @Test(arguments: Golden.names, [5, 64]) func meanAttentionDistance(name: String, stripRows: Int) throws {
        let golden = try Golden(name)
        let expected = try golden.probing()
        let pass = try ForwardPass(model: golden.model)
        let meter = MeanAttentionDistance(pass: pass, stripRows: stripRows)
        var sum = [Double](repeating: 0, count: golden.config.depth * golden.config.heads)
        var worst: Float = 0
        for caseName in ["native", "square", "wide"] {
            let (distances, _) = try meter.add(try golden.input(caseName))
            for (block, heads) in distances.enumerated() {
                let wanted = try expected.floats("\(caseName)/distance.\(block)")
                worst = max(worst, relativeError(heads.map { Float($0) }, wanted))
                for (head, value) in wanted.enumerated() {
                    sum[block * golden.config.heads + head] += Double(value)
                }
            }
        }
        #expect(worst <= Self.tolerance)
        #expect(meter.pictures == 3)
        #expect(
            relativeError(meter.mean.flatMap { $0 }.map { Float($0) }, sum.map { Float($0 / 3) })
                <= Self.tolerance)
        print("distance of \(name): \(worst)")
    }

    @Test(arguments: Golden.names) func projectionFilters(name: String) throws {
        let golden = try Golden(name)
        let side = golden.model.configuration.patchSize
        let file = try Checkpoint.open(Golden.path(name, "weights"))
        let weights = try file.floats("patch_embed.proj.weight")
        let filters = ProjectionFilters.scaled(of: golden.model)
        #expect(filters.count == golden.config.width)
        #expect(ProjectionFilters.scaled(of: golden.model, limit: 3).count == 3)
        for (index, filter) in filters.enumerated() {
            let values = weights[index * 3 * side * side..<(index + 1) * 3 * side * side].map { Double($0) }
            let (low, high) = (try #require(values.min()), try #require(values.max()))
            let expected = (0..<side * side).flatMap { pixel in
                (0..<3).map { Float((values[$0 * side * side + pixel] - low) / (high - low)) }
            }
            #expect(relativeError(filter, expected) <= 1e-6)
            #expect(filter.min() == 0 && filter.max() == 1)
        }
    }

    @Test(arguments: Golden.names) func positionSimilarity(name: String) throws {
        let golden = try Golden(name)
        let (width, special) = (golden.config.width, golden.config.distilled ? 2 : 1)
        let table = try Checkpoint.open(Golden.path(name, "weights")).floats("pos_embed")
        func similarity(_ positions: ArraySlice<Float>) -> [Float] {
            let rows = stride(from: positions.startIndex, to: positions.endIndex, by: width)
            return rows.flatMap { a in
                rows.map { b in
                    Float(
                        (0..<width).reduce(0.0) { $0 + Double(positions[a + $1]) * Double(positions[b + $1]) }
                    )
                }
            }
        }
        let native = try PositionSimilarity.matrix(of: golden.model)
        #expect(native.height == 16 && native.width == 16)
        #expect(relativeError(native.values, similarity(table[(special * width)...])) <= Self.tolerance)
        let wide = try PositionSimilarity.matrix(of: golden.model, rows: 3, columns: 7)
        let positions = try golden.cases.floats("wide/pos").suffix(21 * width)
        #expect(relativeError(wide.values, similarity(positions)) <= Self.tolerance)
    }

    @Test(arguments: Golden.names, ["native", "wide"]) func queriesAndKeys(name: String, caseName: String)
        throws
    {
        let golden = try Golden(name)
        let c = golden.model.configuration
        let pass = try ForwardPass(model: golden.model)
        let input = try golden.input(caseName)
        for block in 0..<c.depth {
            let (images, _) = try QueryKeyImages.run(pass, input, block: block)
            for (part, letter) in [(QueryKeyImages.Part.query, "q"), (.key, "k")] {
                let all = try golden.cases.floats("\(caseName)/\(letter).\(block)")
                let tokens = c.specialTokens + input.rows * input.columns
                for head in 0..<c.heads {
                    for channel in [0, c.headWidth - 1] {
                        let expected = (c.specialTokens..<tokens).map { token in
                            let value = all[(head * tokens + token) * c.headWidth + channel]
                            return Float(1 / (1 + exp(-Double(value))))
                        }
                        let image = try images.image(part, head: head, channel: channel)
                        #expect(image.height == input.rows && image.width == input.columns)
                        #expect(relativeError(image.values, expected) <= Self.tolerance)
                    }
                }
            }
            #expect(throws: VitvideoError.self) { try images.image(.key, head: 0, channel: c.headWidth) }
            #expect(throws: VitvideoError.noSuchHead(c.heads, heads: c.heads)) {
                try images.image(.key, head: c.heads, channel: 0)
            }
        }
        #expect(throws: VitvideoError.noSuchBlock(3, depth: 3)) {
            try QueryKeyImages.run(pass, input, block: 3)
        }
    }

    @Test(arguments: Golden.names) func attentionThroughTheLayers(name: String) throws {
        let golden = try Golden(name)
        let c = golden.model.configuration
        let input = try golden.input("wide")
        let result = try ForwardPass(model: golden.model).run(input, LayerAttention.request(of: golden.model))
        let tokens = c.specialTokens + input.rows * input.columns
        let rows = try (0..<c.depth).map { block in
            let all = try golden.cases.floats("wide/attention.\(block)")
            return (0..<c.heads).map { head in
                Array(all[head * tokens * tokens + c.specialTokens..<head * tokens * tokens + tokens])
            }
        }
        let (mean, last) = (
            try LayerAttention.maps(result), try LayerAttention.maps(result, head: c.heads - 1)
        )
        #expect(mean.count == c.depth && last.count == c.depth)
        for block in 0..<c.depth {
            #expect(relativeError(last[block].values, rows[block][c.heads - 1]) <= Self.tolerance)
            let average = rows[block][0].indices.map { patch in
                rows[block].reduce(0) { $0 + $1[patch] } / Float(c.heads)
            }
            #expect(relativeError(mean[block].values, average) <= Self.tolerance)
        }
        #expect(throws: VitvideoError.noSuchHead(c.heads, heads: c.heads)) {
            try LayerAttention.maps(result, head: c.heads)
        }
    }

    @Test(arguments: Golden.names) func massThreshold(name: String) throws {
        let golden = try Golden(name)
        let expected = try golden.probing()
        let pass = try ForwardPass(model: golden.model)
        for caseName in ["native", "square", "wide"] {
            let last = golden.config.depth - 1
            let result = try pass.run(try golden.input(caseName), ForwardRequest(attentionBlocks: [last]))
            let planes = try #require(result.attention[last]).planes
            for mass in [0.3, 0.6, 0.9] {
                let masks = planes.flatMap { MassThreshold.mask(of: $0, mass: mass).values }
                #expect(masks == (try expected.floats("\(caseName)/mass_mask.\(mass)")))
            }
        }
    }
}
