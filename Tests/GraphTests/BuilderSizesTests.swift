import Base
import Checkpoints
import Fixtures
import Graph
import Testing

/// Sizes that a model was not made for.
@Suite struct BuilderSizesTests {
    /// Weights of each of `source` values in each of `target` ones: bicubic, a = −½, the filter as much wider as values become
    /// fewer.
    private func weights(from source: Int, to target: Int) -> [[Double]] {
        func cubic(_ distance: Double) -> Double {
            let d = abs(distance)
            if d < 1 { return 1.5 * d * d * d - 2.5 * d * d + 1 }
            return d < 2 ? -0.5 * d * d * d + 2.5 * d * d - 4 * d + 2 : 0
        }
        let scale = Double(source) / Double(target)
        return (0..<target).map { place in
            let center = (Double(place) + 0.5) * scale
            let values = (0..<source).map { cubic((Double($0) + 0.5 - center) / max(scale, 1)) }
            let sum = values.reduce(0, +)
            return values.map { $0 / sum }
        }
    }

    /// `at(row, column, channel)` of a table on another grid.
    private func resampled(
        rows: (from: Int, to: Int), columns: (from: Int, to: Int), channels: Int,
        _ at: (Int, Int, Int) -> Float
    ) -> [[Float]] {
        let (down, across) = (
            weights(from: rows.from, to: rows.to), weights(from: columns.from, to: columns.to)
        )
        return down.flatMap { rowWeights in
            across.map { columnWeights in
                (0..<channels).map { channel in
                    var sum = 0.0
                    for (row, a) in rowWeights.enumerated() where a != 0 {
                        for (column, b) in columnWeights.enumerated() where b != 0 {
                            sum += a * b * Double(at(row, column, channel))
                        }
                    }
                    return Float(sum)
                }
            }
        }
    }

    /// The model is the one that has the table for that size.
    private func expectResampled(
        _ variant: BuilderVariant, height: Int, width: Int, _ shape: [Int], _ table: [Float]
    ) throws {
        let family = variant.golden.family
        let native = try variant.write(arguments: ["img_size": [height, width]]) { tensors in
            tensors.map { $0.name == "pos_embed" ? ("pos_embed", shape, table) : $0 }
        }
        var random = SplitMix64(seed: 7)
        let picture = (0..<3 * height * width).map { _ in Float(random.next() % 1000) / 500 - 1 }
        let expected = try GraphRun(family.graph(of: native, height: height, width: width), picture)
        let run = try GraphRun(
            family.graph(of: variant.golden.checkpoint(), height: height, width: width), picture)
        #expect(relativeError(run.output, expected.output) < 1e-5)
    }

    @Test(arguments: [("cait", 6, 8, 5), ("cait", 6, 4, 4), ("convit", 5, 3, 9)])
    func positionsOfTokensAreResampled(_ name: String, side: Int, rows: Int, columns: Int) throws {
        let variant = try BuilderVariant(name)
        let table = try variant.golden.checkpoint().floats("pos_embed")
        let other = resampled(rows: (side, rows), columns: (side, columns), channels: 24) {
            table[($0 * side + $1) * 24 + $2]
        }
        try expectResampled(
            variant, height: 4 * rows, width: 4 * columns, [1, rows * columns, 24], other.flatMap { $0 })
    }

    @Test(arguments: [(13, 9), (5, 14)]) func positionsOfPiTAreResampled(rows: Int, columns: Int) throws {
        let variant = try BuilderVariant("pit")
        let table = try variant.golden.checkpoint().floats("pos_embed")
        let other = resampled(rows: (9, rows), columns: (9, columns), channels: 8) {
            table[($2 * 9 + $0) * 9 + $1]
        }
        // Patches of 8, 4 apart.
        try expectResampled(
            variant, height: 4 * rows + 4, width: 4 * columns + 4, [1, 8, rows, columns],
            (0..<8).flatMap { channel in other.map { $0[channel] } })
    }

    @Test(arguments: GraphGolden.all) func aPictureMayBeTooSmall(_ golden: GraphGolden) throws {
        let file = try golden.checkpoint()
        let refused = try refusal { try golden.family.graph(of: file, height: 3, width: 64) }
        // Swin fills its only patch up.
        if golden.family == .swin || golden.family == .swinV2 {
            #expect(refused == nil)
        } else {
            #expect(refused?.kind == .usage)
            #expect(refused?.reason == "a picture of 64×3 is too small for this model")
            #expect(refused?.path == file.path)
        }
    }

    /// Grids of three sizes are added, and have to fit.
    @Test func coatsScalesHaveToFit() throws {
        let file = try GraphGolden.named("coat_parallel").checkpoint()
        let refused = try refusal { try GraphFamily.coat.graph(of: file, height: 64, width: 72) }
        #expect(refused?.kind == .usage && refused?.reason.contains("72×64") == true)
        #expect(try refusal { try GraphFamily.coat.graph(of: file, height: 67, width: 96) } == nil)
        let lite = try GraphGolden.named("coat_lite").checkpoint()
        #expect(try refusal { try GraphFamily.coat.graph(of: lite, height: 70, width: 90) } == nil)
    }

    /// A table has no entry for offsets that only larger windows have.
    @Test func swinsTablesAreForTheirWindows() throws {
        let variant = try BuilderVariant("swin")
        let file = try variant.write { tensors in
            tensors.map { tensor in
                guard tensor.name == "layers.1.blocks.0.attn.relative_position_bias_table" else {
                    return tensor
                }
                // Windows of 3.
                return (tensor.name, [25, 2], Array(tensor.values[..<50]))
            }
        }
        let refused = try refusal { try GraphFamily.swin.graph(of: file, height: 52, width: 72) }
        #expect(refused?.kind == .usage)
        #expect(refused?.reason == "its bias tables are for windows of 3×3 patches, not 4×4")
    }
}
