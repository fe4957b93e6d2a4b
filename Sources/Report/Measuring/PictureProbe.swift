import Base
import Pixels
import Probing
import ViT

/// Applies the methods to one picture after another for one model. Each worker has one; buffers are kept between
/// pictures of one size.
final class PictureProbe {
    private let subject: ReportSubject
    private let options: ReportOptions
    private let workers: Int
    private let preprocessor: Preprocessor
    private let block: Int
    private let pass: ForwardPass
    private let distance: MeanAttentionDistance?
    private let rollouts: RolloutSet
    private let gradientRollouts: [GradientRollout]

    /// - Parameters:
    ///   - threads: that share one picture.
    ///   - workers: how many pictures are worked on at once, for what memory is needed.
    /// - Throws: `ModelError`, `ProbingError`.
    init(_ subject: ReportSubject, _ options: ReportOptions, threads: Int, workers: Int) throws {
        self.subject = subject
        self.options = options
        self.workers = workers
        preprocessor = subject.preprocessor
        block = try subject.model.block(at: options.layer)
        let pass = try ForwardPass(engine: subject.engine, threads: threads)
        self.pass = pass
        let sections = options.sections
        distance = sections.contains(.distance) ? MeanAttentionDistance(pass: pass) : nil
        rollouts = RolloutSet(pass: pass)
        gradientRollouts =
            sections.contains(.gradientRollout) && subject.classification != nil
            ? try options.gradientRollouts().map { try GradientRollout(model: subject.model, options: $0) }
            : []
    }

    /// - Parameters:
    ///   - isShown: whether the picture is shown with all methods; others only count for the distance.
    ///   - availableBytes: memory that methods may take; nil for what the machine has free.
    /// - Throws: `ModelError`, `ProbingError`, `GradientError`.
    func measure(_ image: RGBImage, isShown: Bool, availableBytes: Int?) throws -> PictureMeasures {
        let input = try ModelInput(image, preprocessor)
        let rollsOutTogether =
            try isShown
            && checkMemory(input.patches, availableBytes ?? SystemMemory.availableBytes() ?? .max)
        var request = ForwardRequest(attentionBlocks: [])
        if isShown {
            if options.sections.contains(.heads) || options.sections.contains(.layers) {
                request = LayerAttention.request(of: subject.model)
            }
            subject.classification?.classifier.require(of: &request)
        }
        guard let distance else {
            let result = isShown ? try pass.run(input.patches, request) : nil
            return PictureMeasures(
                distances: nil,
                findings: try result.map {
                    try findings(input, $0, rollsOutTogether: rollsOutTogether)
                })
        }
        let (distances, result) = try distance.add(input.patches, request)
        return PictureMeasures(
            distances: distances,
            findings: isShown
                ? try findings(input, result, rollsOutTogether: rollsOutTogether) : nil)
    }

    private func findings(
        _ input: ModelInput, _ result: ForwardResult, rollsOutTogether: Bool
    ) throws -> PictureFindings {
        var findings = PictureFindings(picture: input.picture)
        findings.attention = result.attention.sorted { $0.key < $1.key }.map(\.value)
        if let classification = subject.classification {
            findings.logits = classification.classifier.logits(result)
            findings.ranked = classification.labels.top(options.classes, of: findings.logits)
        }
        if options.sections.contains(.rollout) {
            findings.rollouts = try rolledOut(input, together: rollsOutTogether)
        }
        for target in findings.ranked {
            for rollout in gradientRollouts {
                let found = try rollout.run(
                    input.patches, target: .logit(target.index),
                    classifier: subject.classification?.classifier)
                findings.gradients.append(
                    PictureFindings.GradientMap(target: target, options: rollout.options, map: found.map))
            }
        }
        if options.sections.contains(.queriesKeys) {
            findings.queriesKeys = try QueryKeyImages.run(pass, input.patches, block: block).images
        }
        return findings
    }

    /// - Parameter together: whether all rollouts are computed in one go, else one after the other.
    private func rolledOut(_ input: ModelInput, together: Bool) throws -> [PictureFindings.RolloutMap] {
        let all = try options.rollouts()
        let maps = try (together ? [all] : all.map { [$0] }).flatMap { try rollouts.run(input.patches, $0) }
        return zip(all, maps).map { PictureFindings.RolloutMap(options: $0, map: $1) }
    }

    /// Refuses a picture whose rollouts do not fit into memory one after the other.
    ///
    /// - Returns: whether all rollouts but those of gradients fit in one go.
    /// - Throws: `ProbingError` of kind `memory`.
    private func checkMemory(_ patches: PatchMatrix, _ availableBytes: Int) throws -> Bool {
        let (configuration, rows, columns) = (subject.model.configuration, patches.rows, patches.columns)
        func check(_ rollouts: [RolloutOptions], isGradient: Bool) throws {
            for rollout in rollouts {
                try RolloutMemory.check(
                    configuration, rows: rows, columns: columns, options: rollout, isGradient: isGradient,
                    workers: workers, availableBytes: availableBytes)
            }
        }
        let all = options.sections.contains(.rollout) ? try options.rollouts() : []
        let bytes = RolloutMemory.bytes(configuration, rows: rows, columns: columns, together: all)
        let fits = workers * bytes <= availableBytes
        if !fits { try check(all, isGradient: false) }
        if options.classes > 0 { try check(gradientRollouts.map(\.options), isGradient: true) }
        return fits
    }
}
