import Checkpoints
import Fixtures
import Probing
import Testing
import ViT

/// What the experiments of Ghiasi et al. measure, against NumPy (`golden_scripts/experiments.py`).
@Suite struct ExperimentTests {
    /// Pictures of several sizes, each with the weight of its patches.
    private static let cases = ["native", "square", "wide", "small", "reshaped"]

    /// - Returns: of each case all blocks' moments, and how many patches.
    private static func moments(_ golden: Golden) throws -> [(moments: [NeuronMoments], patches: Int)] {
        let pass = try ForwardPass(model: golden.model)
        let depth = golden.model.configuration.depth
        return try cases.map { name in
            let input = try golden.input(name)
            var request = ForwardRequest(attentionBlocks: [])
            request.neuronMomentBlocks = Set(0..<depth)
            let found = try pass.run(input, request).neuronMoments
            return (try (0..<depth).map { try #require(found[$0]) }, input.rows * input.columns)
        }
    }

    @Test(arguments: Golden.names) func shareOfVarianceWithinPictures(name: String) throws {
        let golden = try Golden(name)
        let expected = try golden.experiments()
        var variance = SpatialVariance()
        for (moments, patches) in try Self.moments(golden) { variance.add(moments, patches: patches) }
        #expect(variance.pictures == Self.cases.count)
        var worst: Float = 0
        for (block, shares) in variance.shares.enumerated() {
            let wanted = try expected.floats("within_share.\(block)")
            #expect(wanted.max() ?? 0 > 0.3)
            worst = max(worst, relativeError(shares.map { Float($0) }, wanted))
        }
        #expect(worst <= 1e-4, "\(worst)")
        print("share of variance of \(name): \(worst)")
    }

    @Test(arguments: Golden.names) func lifetimeSparsity(name: String) throws {
        let golden = try Golden(name)
        let expected = try golden.experiments()
        let c = golden.model.configuration
        let pictures = try Self.moments(golden)
        for block in 0..<c.depth {
            var selectivity = NeuronSelectivity(neurons: c.feedForwardWidth, examples: 2)
            for picture in pictures { selectivity.add(picture.moments[block].mean) }
            let found = (0..<c.feedForwardWidth).map {
                let sparsity = selectivity.sparsity(of: $0)
                return Float(sparsity.isFinite ? sparsity : -1)
            }
            #expect(relativeError(found, try expected.floats("sparsity.\(block)")) <= 1e-4)
        }
    }

    @Test func aNeuronThatNeverChangesHasNoShare() {
        var variance = SpatialVariance()
        // The second neuron does the same all over each picture, the third marks places alike in both.
        variance.add([NeuronMoments(mean: [2, 1, 0], meanSquare: [4, 1, 1])], patches: 4)
        variance.add([NeuronMoments(mean: [2, 3, 0], meanSquare: [4, 9, 1])], patches: 4)
        let shares = variance.shares[0]
        #expect(shares[0].isNaN && shares[1] == 0 && shares[2] == 1)
    }

    @Test func theBestPicturesAndTheMostSelectiveNeurons() {
        var selectivity = NeuronSelectivity(neurons: 5, examples: 2)
        let pictures: [[Float]] = [
            // Steady, one picture alone, two pictures, never, hardly ever.
            [2, 0, 3, -1, 0], [2, 5, 0, -2, 0.1], [2, -1, 3, -3, 0], [2, 0, 4, -1, -1],
        ]
        for means in pictures { selectivity.add(means) }
        #expect(selectivity.pictures == 4)
        #expect(selectivity.sparsity(of: 0) == 0)
        #expect(selectivity.sparsity(of: 1) == 1)
        // (1 − (10/4)²/(34/4)) / (3/4)
        #expect(abs(selectivity.sparsity(of: 2) - (1 - 6.25 / 8.5) / 0.75) < 1e-12)
        #expect(selectivity.sparsity(of: 3).isNaN)
        #expect(
            selectivity.examples(of: 2)
                == [NeuronSelectivity.Example(picture: 3, mean: 4), .init(picture: 0, mean: 3)])
        #expect(selectivity.examples(of: 3).map(\.picture) == [0, 3], "of equals the earlier one")
        // The one that hardly fires is selective too, but not among those that fire most.
        #expect(selectivity.sparsity(of: 4) == 1)
        #expect(selectivity.mostSelective(2, ofStrongest: 0.6) == [1, 2])
        #expect(selectivity.mostSelective(1) == [1])
        #expect(
            selectivity.mostSelective(9) == [1, 4, 2, 0],
            "of equals the one excited more; without the one never")
    }

    @Test func figuresOfComparison() {
        #expect(abs(cosineSimilarity([1, 0], [1, 1]) - 0.5.squareRoot()) < 1e-12)
        #expect(cosineSimilarity([1, 2], [-2, -4]) == -1 && cosineSimilarity([0, 0], [1, 1]).isNaN)
        #expect((0..<4).map { classRank($0, in: [1, 3, 3, 2]) } == [3, 0, 1, 2])
        #expect(classRank(1, in: [Float(9), 1, 3, 3, 2].dropFirst()) == 0, "of a slice")
        #expect(quantile(0.25, of: [4, .nan, 1, 2, 3]) == 1.75 && quantile(1, of: [1, 2]) == 2)
        #expect(quantile(0.5, of: []).isNaN)
    }
}
