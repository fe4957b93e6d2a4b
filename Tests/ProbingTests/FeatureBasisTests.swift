import Fixtures
import Foundation
import Pixels
import Probing
import Testing
import ViT

/// Principal components against the covariance in double precision.
@Suite struct FeatureBasisTests {
    /// Patch tokens of all cases of a model, with what is added to each value.
    private struct Frames {
        let golden: Golden
        var tokens: [[Float]] = []
        var grids: [(rows: Int, columns: Int)] = []

        init(_ name: String, offset: Float = 0) throws {
            golden = try Golden(name)
            let pass = try ForwardPass(model: golden.model)
            for caseName in golden.caseNames {
                let input = try golden.input(caseName)
                let request = ForwardRequest(attentionBlocks: [], wantsTokens: true)
                tokens.append(try pass.run(input, request).tokens.map { $0 + offset })
                grids.append((input.rows, input.columns))
            }
        }

        var specialTokens: Int { golden.model.configuration.specialTokens }
        var width: Int { golden.model.configuration.width }

        func fit() throws -> FeatureBasis {
            var fitter = try FeatureBasisFitter(width: width)
            for frame in tokens { fitter.add(tokens: frame, specialTokens: specialTokens) }
            return try #require(fitter.fit())
        }

        /// Every patch of every frame.
        var patches: [[Double]] {
            tokens.flatMap { frame in
                stride(from: specialTokens * width, to: frame.count, by: width).map { start in
                    frame[start..<start + width].map(Double.init)
                }
            }
        }
    }

    private static func dot(_ a: [Double], _ b: [Double]) -> Double {
        zip(a, b).reduce(0) { $0 + $1.0 * $1.1 }
    }

    /// A mean far away from 0 must not cost digits.
    @Test(arguments: Golden.names, [0, 300]) func components(name: String, offset: Float) throws {
        let frames = try Frames(name, offset: offset)
        let basis = try frames.fit()
        let patches = frames.patches
        let width = frames.width
        let mean = (0..<width).map { i in
            patches.reduce(0) { $0 + $1[i] } / Double(patches.count)
        }
        let centred = patches.map { patch in zip(patch, mean).map { $0 - $1 } }
        let covariance = (0..<width).map { i in
            (0..<width).map { j in
                centred.reduce(0) { $0 + $1[i] * $1[j] } / Double(patches.count)
            }
        }
        let trace = (0..<width).reduce(0) { $0 + covariance[$1][$1] }
        let all = SmallEigenvectors.of(covariance)
        for pair in all {
            let image = covariance.map { Self.dot($0, pair.vector) }
            let rest = zip(image, pair.vector).map { $0 - pair.value * $1 }
            #expect(Self.dot(rest, rest).squareRoot() < 1e-9 * trace)
        }
        #expect(zip(all, all.dropFirst()).allSatisfy { $0.value >= $1.value })

        #expect(relativeError(basis.mean, mean.map { Float($0) }) < 1e-5)
        for component in 0..<3 {
            let direction = basis.directions[component].map(Double.init)
            for other in 0...component {
                let expected = other == component ? 1.0 : 0
                let along = Self.dot(direction, basis.directions[other].map(Double.init))
                #expect(abs(along - expected) < 1e-5)
            }
            #expect(abs(abs(Self.dot(direction, all[component].vector)) - 1) < 1e-4)
            #expect(abs(basis.explained[component] - all[component].value / trace) < 1e-4)
            let largest = try #require(direction.max { abs($0) < abs($1) })
            #expect(largest > 0)

            // These frames are smaller than what is kept of a frame, so that all patches count.
            let values = centred.map { Self.dot($0, direction) }.sorted()
            let span = values[values.count - 1] - values[0]
            #expect(
                abs(Double(basis.ranges[component].lowerBound) - Self.percentile(values, 0.01)) < 1e-4 * span)
            #expect(
                abs(Double(basis.ranges[component].upperBound) - Self.percentile(values, 0.99)) < 1e-4 * span)
        }

        for (frame, grid) in zip(frames.tokens, frames.grids) {
            let maps = basis.maps(tokens: frame, rows: grid.rows, columns: grid.columns)
            #expect(maps.count == 3)
            for (component, map) in maps.enumerated() {
                let (low, high) = (basis.ranges[component].lowerBound, basis.ranges[component].upperBound)
                let expected = (0..<grid.rows * grid.columns).map { patch in
                    let start = (frames.specialTokens + patch) * width
                    let value = Self.dot(
                        zip(frame[start..<start + width], mean).map { Double($0) - $1 },
                        basis.directions[component].map(Double.init))
                    return min(1, max(0, (Float(value) - low) / (high - low)))
                }
                #expect(relativeError(map.values, expected) < 1e-3)
            }
        }
    }

    /// `numpy.percentile`'s default.
    private static func percentile(_ sorted: [Double], _ share: Double) -> Double {
        let position = share * Double(sorted.count - 1)
        let low = Int(position.rounded(.down))
        return sorted[low] + (position - Double(low)) * (sorted[min(low + 1, sorted.count - 1)] - sorted[low])
    }

    /// Fitting again gives the same colors, bit by bit.
    @Test func repeatable() throws {
        let frames = try Frames("registers")
        let (first, second) = (try frames.fit(), try frames.fit())
        #expect(first.directions == second.directions)
        #expect(first.ranges == second.ranges)
    }

    /// Fewer patches than components, and patches that are all alike.
    @Test func tooLittleToFit() throws {
        var fitter = try FeatureBasisFitter(width: 4)
        #expect(fitter.fit() == nil)
        fitter.add(tokens: [9, 9, 9, 9, 1, 2, 3, 4, 1, 2, 3, 6], specialTokens: 1)
        let line = try #require(fitter.fit())
        #expect(line.directions[0].map { ($0 * 1e5).rounded() / 1e5 } == [0, 0, 0, 1])
        #expect(line.explained[0] > 0.9999 && line.explained[1] < 1e-6)
        #expect(line.directions.allSatisfy { $0.allSatisfy { $0.isFinite } })
        #expect(line.maps(tokens: [1, 2, 3, 4, 1, 2, 3, 6], rows: 1, columns: 2)[0].values == [0, 1])

        var constant = try FeatureBasisFitter(width: 4)
        constant.add(tokens: [1, 2, 3, 4, 1, 2, 3, 4], specialTokens: 0)
        let flat = try #require(constant.fit())
        #expect(flat.explained == [0, 0, 0])
        for map in flat.maps(tokens: [1, 2, 3, 4, 5, 6, 7, 8], rows: 1, columns: 2) {
            #expect(map.values == [0, 0])
        }
    }
}
