import Probing
import ViT

/// Makes pictures of units, one after the other, each by all threads.
package struct VisualizationJob {
    package enum Outcome: Sendable, Equatable {
        case complete
        /// Stopped on request; how many pictures were begun, and where what there is lies.
        case interrupted(pictures: Int, partialPaths: [String])
    }

    /// How far a job is.
    package struct Progress: Sendable {
        /// Steps of all units so far.
        package let steps: Int
        package let unit: Int
        package let step: VisualizationStep
    }

    private let units: [VisualizedUnit]
    private let recipe: VisualizationRecipe
    private let seed: UInt64
    private let outputs: [any VisualizationOutput]
    private let stop: StopRequest
    private let make: MakeVisualization

    /// What makes the picture of a unit.
    package typealias MakeVisualization = (VisualizedUnit) throws -> FeatureVisualization

    /// - Parameters:
    ///   - seed: of each picture alike, so that a picture does not depend on those it is made with.
    package init(
        units: [VisualizedUnit], recipe: VisualizationRecipe, seed: UInt64,
        outputs: [any VisualizationOutput], stop: StopRequest, make: @escaping MakeVisualization
    ) {
        self.units = units
        self.recipe = recipe
        self.seed = seed
        self.outputs = outputs
        self.stop = stop
        self.make = make
    }

    /// - Parameter progress: called after each step.
    /// - Throws: the first error of any part, after removing the unfinished outputs.
    package func run(progress: (Progress) -> Void) throws -> Outcome {
        do {
            var done = 0
            var pictures = 0
            for (index, unit) in units.enumerated() where !stop.isRequested {
                let visualization = try make(unit)
                let feature = try visualization.run(
                    SeededRandomness(seed: seed), isGivenUp: { [stop] in stop.isOverdue }
                ) { step, picture in
                    for output in outputs { try output.add(step, picture: picture, unit: index) }
                    done += 1
                    progress(Progress(steps: done, unit: index, step: step))
                    return !stop.isRequested
                }
                guard !feature.steps.isEmpty else { break }
                pictures += 1
                for output in outputs { try output.add(feature, unit: index) }
            }
            if stop.isRequested, done < units.count * recipe.steps {
                if pictures == 0 {
                    for output in outputs { output.abandon() }
                    return .interrupted(pictures: 0, partialPaths: [])
                }
                return .interrupted(
                    pictures: pictures, partialPaths: try outputs.compactMap { try $0.finishPartial() })
            }
            for output in outputs { try output.finish() }
            return .complete
        } catch {
            for output in outputs { output.abandon() }
            throw error
        }
    }
}
