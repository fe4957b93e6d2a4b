import Base
import Checkpoints
import Fixtures
import Foundation
import Pixels
import Probing
import Testing

/// Label propagation against its statement in PyTorch, and against a naive twin in double precision.
@Suite struct LabelPropagationTests {
    /// What a golden says of itself.
    private struct Case: Decodable {
        let `protocol`: String
        let last_frames: Int
        let radius: Int
        let neighbors: Int
        let rows: Int
        let columns: Int
        let patch: Int

        var settings: PropagationSettings {
            get throws {
                var settings = PropagationSettings(
                    try #require(PropagationSettings.Recipe(rawValue: `protocol`)))
                settings.lastFrames = last_frames
                settings.radius = radius
                settings.neighbors = neighbors
                return settings
            }
        }
    }

    static let cases = ["dino", "dinov3"].flatMap { name in
        ["", "_defaults", "_ties", "_nothing"].map { name + $0 }
    }

    @Test(arguments: cases, [1, 3]) func softLabelsAndMasks(name: String, threads: Int) throws {
        let golden = try Checkpoint.open(Fixtures.golden("propagation/\(name).safetensors").path)
        let text = try #require(golden.metadata["settings"])
        let described = try JSONDecoder().decode(Case.self, from: Data(text.utf8))
        let settings = try described.settings
        let shape = try #require(golden["features"]?.shape)
        let (frames, patches, width) = (shape[0], shape[1], shape[2])
        let features = try golden.floats("features")
        let softShape = try #require(golden["soft"]?.shape)
        let soft = try golden.floats("soft")
        let maskShape = try #require(golden["mask"]?.shape)
        let given = IndexMask(
            height: maskShape[0], width: maskShape[1], indices: try golden.floats("mask").map { UInt8($0) })
        let labelShape = try #require(golden["labels"]?.shape)
        let labels = try golden.floats("labels").map { UInt8($0) }
        let pixels = labelShape[1] * labelShape[2]

        let propagation = try LabelPropagation(settings, threads: threads)
        let decide = LabelDecision(
            settings.recipe, height: labelShape[1], width: labelShape[2], patchSize: described.patch,
            threads: threads)
        for frame in 0..<frames {
            let own = PatchFeatures(
                rows: described.rows, columns: described.columns, width: width,
                normalizing: features[frame * patches * width..<(frame + 1) * patches * width])
            let found: SoftLabels
            if frame == 0 {
                found = SoftLabels(
                    oneHot: given.resized(
                        height: described.rows, width: described.columns, settings.maskRule),
                    classes: softShape[2])
                propagation.begin(with: own, labels: found)
            } else {
                found = try propagation.propagate(to: own)
                let wanted = labels[(frame - 1) * pixels..<frame * pixels]
                let wrong = zip(try decide(found).indices, wanted).count { $0 != $1 }
                // Where most similarities are equal, so are shares, and rounding decides between them.
                if !name.hasSuffix("_ties") {
                    #expect(wrong == 0, "\(name), frame \(frame): \(wrong) of \(pixels) pixels")
                }
            }
            let count = patches * softShape[2]
            let worst = zip(found.values, soft[frame * count..<(frame + 1) * count]).map { abs($0 - $1) }
                .max()
            #expect(try #require(worst) <= 1e-4, "\(name), frame \(frame): \(worst ?? .nan)")
        }
        // A class that is nowhere is no test of places.
        if !name.hasSuffix("_nothing") { #expect(Set(labels).count == softShape[2]) }
    }

    // MARK: A naive twin

    /// Numbers that look random.
    private static func noise(_ count: Int, seed: UInt64) -> [Float] {
        var generator = SplitMix64(seed: seed)
        return (0..<count).map { _ in Float(generator.next() >> 40) / Float(1 << 24) - 0.5 }
    }

    /// Every pair of patches in turn.
    private static func naive(
        _ target: PatchFeatures, _ contexts: [(features: PatchFeatures, labels: SoftLabels)],
        _ settings: PropagationSettings
    ) -> [Double] {
        let (columns, width, classes) = (target.columns, target.width, contexts[0].labels.classes)
        return (0..<target.rows * columns).flatMap { patch -> [Double] in
            var sources: [(cosine: Double, labels: ArraySlice<Float>)] = []
            for (features, labels) in contexts {
                for source in 0..<target.rows * columns {
                    let (down, across) = (
                        source / columns - patch / columns, source % columns - patch % columns
                    )
                    let isNear =
                        settings.neighborhood == .square
                        ? max(abs(down), abs(across)) <= settings.radius
                        : down * down + across * across <= settings.radius * settings.radius
                    guard isNear || settings.radius == 0 else { continue }
                    var cosine = 0.0
                    for i in 0..<width {
                        cosine +=
                            Double(target.values[patch * width + i])
                            * Double(features.values[source * width + i])
                    }
                    sources.append((cosine, labels.values[source * classes..<(source + 1) * classes]))
                }
            }
            let least = sources.map(\.cosine).sorted(by: >).prefix(settings.neighbors).last ?? 0
            var (sum, mean) = (0.0, [Double](repeating: 0, count: classes))
            for source in sources where source.cosine >= least {
                let weight = exp(source.cosine / Double(settings.temperature))
                sum += weight
                for (index, label) in source.labels.enumerated() { mean[index] += weight * Double(label) }
            }
            return mean.map { $0 / sum }
        }
    }

    struct Grid: CustomTestStringConvertible, Sendable {
        let rows: Int
        let columns: Int
        let radius: Int
        var testDescription: String { "\(rows)×\(columns), radius \(radius)" }
    }

    /// Grids of one tile and of several, wider and narrower than a window; a radius beyond the grid, and none.
    @Test(
        arguments: [
            Grid(rows: 1, columns: 1, radius: 2), Grid(rows: 3, columns: 50, radius: 4),
            Grid(rows: 21, columns: 17, radius: 3), Grid(rows: 9, columns: 6, radius: 40),
            Grid(rows: 10, columns: 19, radius: 0),
        ], PropagationSettings.Recipe.allCases)
    func agreesWithEveryPair(grid: Grid, recipe: PropagationSettings.Recipe) throws {
        var settings = PropagationSettings(recipe)
        (settings.radius, settings.lastFrames, settings.neighbors) = (grid.radius, 2, 4)
        let (patches, width) = (grid.rows * grid.columns, 7)
        let frames = (0..<5).map { frame in
            PatchFeatures(
                rows: grid.rows, columns: grid.columns, width: width,
                normalizing: Self.noise(patches * width, seed: UInt64(frame)))
        }
        let start = SoftLabels(
            oneHot: IndexMask(
                height: grid.rows, width: grid.columns, indices: (0..<patches).map { UInt8($0 % 3) }),
            classes: 3)
        let propagation = try LabelPropagation(settings, threads: 2)
        propagation.begin(with: frames[0], labels: start)
        var contexts = [(features: frames[0], labels: start)]
        for frame in frames.dropFirst() {
            let expected = Self.naive(frame, contexts, settings)
            let found = try propagation.propagate(to: frame)
            let worst = zip(found.values, expected).map { abs(Double($0) - $1) }.max() ?? .infinity
            #expect(worst < 1e-5, "\(worst)")
            contexts.append((frame, found))
            if contexts.count > 3 { contexts.remove(at: 1) }
        }
    }

    /// An object that fills the frame: the script's division of 0 by 0 keeps it, the notebook's 0 in its place does not.
    @Test(arguments: PropagationSettings.Recipe.allCases)
    func oneClassEverywhere(recipe: PropagationSettings.Recipe) throws {
        let soft = SoftLabels(
            rows: 3, columns: 4, classes: 3, values: (0..<12).flatMap { _ -> [Float] in [0, 0, 1] })
        let decide = LabelDecision(recipe, height: 20, width: 30, patchSize: 4, threads: 1)
        let expected: UInt8 = recipe == .dino ? 2 : 0
        #expect(try decide(soft) == IndexMask(height: 20, width: 30, repeating: expected))
    }

    /// A frame with given labels is the first one again.
    @Test func beginsAnew() throws {
        var settings = PropagationSettings(.dino)
        settings.radius = 2
        let frames = (0..<4).map {
            PatchFeatures(
                rows: 4, columns: 5, width: 6, normalizing: Self.noise(4 * 5 * 6, seed: UInt64($0)))
        }
        let masks = (0..<2).map { shift in
            SoftLabels(
                oneHot: IndexMask(height: 4, width: 5, indices: (0..<20).map { UInt8(($0 + shift) % 2) }),
                classes: 2)
        }
        let corrected = try LabelPropagation(settings, threads: 1)
        corrected.begin(with: frames[0], labels: masks[0])
        _ = try corrected.propagate(to: frames[1])
        corrected.begin(with: frames[2], labels: masks[1])
        let fresh = try LabelPropagation(settings, threads: 1)
        fresh.begin(with: frames[2], labels: masks[1])
        #expect(try corrected.propagate(to: frames[3]) == fresh.propagate(to: frames[3]))
    }
}
