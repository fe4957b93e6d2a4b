import Base

/// Settles every part of a configuration: what is told first counts, then what the tensors show, then what such
/// files most often are.
struct ConfigurationSettlement {
    let tensors: CanonicalTensors
    /// In the order of belief.
    let told: [ToldFacts]
    private(set) var account: ModelAccount

    init(_ tensors: CanonicalTensors, told: [ToldFacts]) {
        self.tensors = tensors
        self.told = told
        account = ModelAccount()
        account.prefix = tensors.prefix
        account.notices = tensors.notices
        account.classifierObstacle = tensors.classifierObstacle
    }

    // MARK: A file that nothing is known of

    /// Reads the architecture off the tensors' shapes and settles what shapes do not tell.
    ///
    /// - Throws: `VitvideoError.weightsDoNotFit` naming what is missing to tell the architecture.
    mutating func settle() throws -> Configuration {
        let family = settledFamily()
        let position = settledPosition(family)
        let table = tensors.shape("pos_embed")
        guard let patch = tensors.shape("patch_embed.proj.weight"), patch.count == 4, let side = patch.last,
            side > 0, patch[0] > 0, !position.isInterpolated || table?.count == 3,
            tensors.hasClassToken ? tensors.shape("cls_token")?.count == 3 : mayLackClassToken(table: table)
        else {
            throw notAModel(needsTable: position.isInterpolated)
        }
        let width = patch[0]
        let distilled = tensors.shape("dist_token") != nil
        let registers = tensors.shape("register_tokens").map { $0.count == 3 ? $0[1] : 0 } ?? 0
        let depth = tensors.depth
        let gated = tensors.shape("blocks.0.mlp.w12.weight")
        let hidden =
            gated.map { $0[0] / 2 } ?? tensors.shape("blocks.0.mlp.fc1.weight")?.first ?? 4 * width
        guard [1, 3].contains(patch[1]), patch[2] == side else {
            throw problem(
                "its patches are \(patch[2])×\(side) pixels of \(patch[1]) channels; square ones of 3 or 1 are read"
            )
        }
        let special = (tensors.hasClassToken ? 1 : 0) + (distilled ? 1 : 0)
        let (grid, positioned) =
            if position.isInterpolated, let table {
                try settledGrid(positions: table[1], special: [special, special + registers, 0])
            } else if let entries = tensors.relativeTable?.first {
                (try settledGrid(distances: entries - 3), 0)
            } else {
                settledGrid(preset: max(family.preset.side / side, 1))
            }
        let rotary = settledRotary(family)
        var c = Configuration(
            family: family, patchSize: side, width: width, depth: depth,
            heads: try settledHeads(width: width, rotary: rotary, family: family),
            feedForwardWidth: hidden, registers: registers, hasDistillationToken: distilled,
            hasLayerScale: tensors.shape("blocks.0.ls1.gamma") != nil, nativeRows: grid.rows,
            nativeColumns: grid.columns, classes: tensors.shape("head.weight")?.first ?? 0)
        c.position = position
        c.rotary = rotary
        c.relativePositions =
            tensors.shape(CanonicalNames.sharedBiasTable) != nil
            ? .shared : tensors.hasRelativePositions ? .perBlock : nil
        c.prefix.hasClassToken = tensors.hasClassToken
        c.activation = try settledActivation(isGated: gated != nil, family)
        c.prefix.positionsRegisters =
            position.isInterpolated && registers > 0 && positioned == special + registers
        c.inputChannels = patch[1]
        c.hasPatchBias = tensors.shape("patch_embed.proj.bias") != nil
        c.normalizesBeforeBlocks = tensors.shape("norm_pre.weight") != nil
        c.qkvBias = tensors.qkvBias
        c.normalizesQueriesAndKeys = tensors.shape("blocks.0.attn.q_norm.weight") != nil
        c.normalizesAttention = tensors.shape("blocks.0.attn.norm.weight") != nil
        c.normalizesHidden = tensors.shape("blocks.0.mlp.norm.weight") != nil
        c.hasLinearBias = tensors.names.contains { name in
            [".attn.proj.bias", ".mlp.fc1.bias", ".mlp.w12.bias"].contains { name.hasSuffix($0) }
        }
        c.pooling = settledPooling(family)
        c.hasPoolingNorm = tensors.shape("fc_norm.weight") != nil
        c.hasFinalNorm = tensors.shape("norm.weight") != nil || tensors.shape("norm.bias") != nil
        c.hasDistillationHead = distilled && tensors.shape("head_dist.weight") != nil
        c.normalization = settledNormalization(
            preset: family.preset.normalization, channels: c.inputChannels)
        c.layerNormEpsilon = settled(
            \.layerNormEpsilon, .epsilon, tensors: tensors.table.layerNormEpsilon,
            preset: family.preset.layerNormEpsilon)
        // A file in a library's own names is run as that library runs it. (With registers Hugging Face's DINOv2
        // antialiases, as the original does.)
        if c.isInterpolated {
            c.positionInterpolation = settled(
                \.positionInterpolation, .positionRule,
                tensors: registers == 0 ? tensors.table.positionInterpolation : nil,
                preset: family.preset.positionInterpolation)
        } else {
            account.beliefs[.positionRule] = beliefOfPreset
            tellThatNoRuleApplies()
        }
        tellAssumptions(c)
        return c
    }

    // MARK: A known model

    /// Changes a known model's configuration where something else is told.
    ///
    /// - Parameter name: the model's.
    mutating func settle(known: Configuration, name: String) -> Configuration {
        var c = fitted(known)
        for fact in ModelFact.allCases { account.beliefs[fact] = .knownModel(name) }
        func change<Value>(
            _ part: WritableKeyPath<Configuration, Value>, _ fact: ModelFact, to told: (Value, Belief)?
        ) {
            guard let (value, belief) = told else { return }
            c[keyPath: part] = value
            account.beliefs[fact] = belief
        }
        change(\.normalization.mean, .mean, to: first(\.mean).map { (Self.threeChannels($0), $1) })
        change(
            \.normalization.deviation, .deviation, to: first(\.deviation).map { (Self.threeChannels($0), $1) }
        )
        change(\.layerNormEpsilon, .epsilon, to: first(\.layerNormEpsilon))
        if c.isInterpolated {
            change(\.positionInterpolation, .positionRule, to: first(\.positionInterpolation))
        } else {
            tellThatNoRuleApplies()
        }
        if let (value, belief) = first(\.activation), value.isGated == c.activation.isGated {
            change(\.activation, .activation, to: (value, belief))
        }
        return c
    }

    /// A known model's configuration with the parts in which its published files differ: those that leave DINOv3's
    /// biases of queries and values out, which are all 0, and those that do not.
    func fitted(_ known: Configuration) -> Configuration {
        var c = known
        if known.family == .dinov3 { c.qkvBias = tensors.qkvBias }
        return c
    }

    // MARK: Parts

    private func first<Value>(_ fact: KeyPath<ModelFacts, Value?>) -> (Value, Belief)? {
        for entry in told {
            if let value = entry.facts[keyPath: fact] { return (value, entry.source) }
        }
        return nil
    }

    private mutating func settledFamily() -> Configuration.Family {
        if let (family, belief) = first(\.family) {
            account.beliefs[.family] = belief
            return family
        }
        let evidence = FamilyEvidence(tensors)
        account.beliefs[.family] = evidence.isCertain ? .tensors : .assumption
        return evidence.family
    }

    /// What belongs to the family is believed as much as the family is.
    private var beliefOfPreset: Belief {
        account.beliefs[.family] == .assumption ? .assumption : .family
    }

    private mutating func settled<Value>(
        _ part: KeyPath<ModelFacts, Value?>, _ fact: ModelFact, tensors: Value?, preset: Value
    ) -> Value {
        if let (value, belief) = first(part) {
            account.beliefs[fact] = belief
            return value
        }
        account.beliefs[fact] = tensors == nil ? beliefOfPreset : .tensors
        return tensors ?? preset
    }

    private mutating func settledNormalization(preset: Normalization, channels: Int) -> Normalization {
        let mean = settled(\.mean, .mean, tensors: nil, preset: preset.mean)
        let deviation = settled(\.deviation, .deviation, tensors: nil, preset: preset.deviation)
        func given(_ values: [Float]) -> [Float] {
            Self.threeChannels(channels == 1 ? GreyInput.grey(values) : values)
        }
        return Normalization(mean: given(mean), deviation: given(deviation))
    }

    private static func threeChannels(_ values: [Float]) -> [Float] {
        values.count == 1 ? [Float](repeating: values[0], count: 3) : values
    }

    /// The shapes tell a gated activation from others; which of the others, nothing in the file does. CLIP's may be
    /// OpenAI's or GELU, and attention with the wrong one looks as good as with the right one.
    private mutating func settledActivation(
        isGated: Bool, _ family: Configuration.Family
    ) throws -> Activation {
        if isGated {
            if let (value, belief) = first(\.activation), belief == .option, !value.isGated {
                throw problem("the feed-forward layers are gated, so that their activation is swiglu")
            }
            account.beliefs[.activation] = .tensors
            return .swiglu
        }
        let own: Activation? = tensors.isOpenAIs ? .quickGELU : nil
        if family == .clip, own == nil, first(\.activation) == nil {
            throw VitvideoError.weightsDoNotFit(
                path: tensors.checkpoint.path,
                problems: [
                    "nothing tells which activation its model was trained with: quick_gelu is OpenAI's, gelu that of "
                        + "most others"
                ], nextStep: .tellModel([.activation]))
        }
        let activation = settled(
            \.activation, .activation, tensors: own, preset: family.preset.activation)
        guard !activation.isGated else {
            throw problem("the feed-forward layers are not gated, so that their activation is not swiglu")
        }
        return activation
    }

    /// A probe is used where there is one. A norm of the pooled feature is that of the patches' mean where nothing else
    /// is told, as in timm and in the code of MAE and BEiT; and timm makes a DINOv3 with a classifier on the mean.
    private func settledPooling(_ family: Configuration.Family) -> Pooling {
        if tensors.shape("attn_pool.latent") != nil { return .attentionProbe }
        if !tensors.hasClassToken { return .meanPatch }
        if let told = first(\.pooling)?.0, told != .attentionProbe { return told }
        let isMean =
            tensors.shape("fc_norm.weight") != nil || family == .dinov3 && tensors.hasTimmsRegisters
        return isMean ? .meanPatch : .classToken
    }

    /// A file may have a table where its family has none: BEiT's absolute one.
    private func settledPosition(_ family: Configuration.Family) -> PositionEncoding {
        let hasOwn = family == .beit && tensors.shape("pos_embed") != nil
        return hasOwn ? .learned(coversPrefix: true) : family.preset.position
    }

    /// The base that periods are computed with may be told; the kind of encoding is the family's.
    private func settledRotary(_ family: Configuration.Family) -> RotaryPositions? {
        guard var rotary = family.preset.rotary else { return nil }
        rotary.base = first(\.rotaryBase)?.0 ?? rotary.base
        return rotary
    }

    /// Whether a file without a class token is of a model without one: a table of one place more than a grid has is
    /// not, and neither is a model without a table, all of which have one.
    private func mayLackClassToken(table: [Int]?) -> Bool {
        guard let table, table.count == 3 else { return false }
        return Self.squareSide(table[1]) != nil || Self.squareSide(table[1] - 1) == nil
    }

    private mutating func settledHeads(
        width: Int, rotary: RotaryPositions?, family: Configuration.Family
    ) throws -> Int {
        // A rotation takes the rows' and the columns' angles for either half of a head.
        let parts = rotary == nil ? 1 : 4
        func fits(_ heads: Int) -> Bool { heads > 0 && width % (heads * parts) == 0 }
        if let (heads, belief) = first(\.heads) {
            guard fits(heads) else {
                throw VitvideoError.weightsDoNotFit(
                    path: tensors.checkpoint.path,
                    problems: [
                        "a width of \(width) does not divide into \(heads) heads"
                            + (parts > 1 ? " of a multiple of \(parts)" : "")
                    ],
                    nextStep: .tellModel([.heads]))
            }
            account.beliefs[.heads] = belief
            return heads
        }
        if let stored = tensors.storedHeads, fits(stored) {
            account.beliefs[.heads] = .tensors
            return stored
        }
        // A period stands for four channels of a head.
        if let periods = tensors.shape("rope_embed.periods")?.first, periods > 0, width % (4 * periods) == 0 {
            account.beliefs[.heads] = .tensors
            return width / (4 * periods)
        }
        guard let usual = Self.usualHeads(width: width, family: family) else {
            throw VitvideoError.weightsDoNotFit(
                path: tensors.checkpoint.path,
                problems: ["a width of \(width) does not divide into heads of 64"],
                nextStep: .tellModel([.heads]))
        }
        account.beliefs[.heads] = Self.publishedWidths.contains(width) ? beliefOfPreset : .assumption
        return usual
    }

    /// Widths of the models that the families publish, whose heads are known.
    private static let publishedWidths: Set = [192, 384, 768, 1024, 1152, 1280, 1408, 1536, 1664, 4096]

    /// Heads are 64 wide but in ViT-H (80), ViT-g (88) and ViT-G (104), which have 16, in SigLIP's so400m (72) and
    /// ViT-g (96), which have 16 as well, and in DINOv3's 7B, which has 32 of 128. DINOv3's ViT-H+ has 20 of 64.
    static func usualHeads(width: Int, family: Configuration.Family) -> Int? {
        if family == .dinov3 {
            if width == 4096 { return 32 }
        } else if family == .siglip, [1152, 1536].contains(width) {
            return 16
        } else if [1280, 1408, 1664].contains(width) {
            return 16
        }
        return width % 64 == 0 ? width / 64 : nil
    }

    /// - Parameters:
    ///   - positions: entries of the position table.
    ///   - special: how many of them may be for tokens before the patches, the likeliest first.
    private mutating func settledGrid(
        positions: Int, special: [Int]
    ) throws -> (grid: PatchGrid, special: Int) {
        let held = "pos_embed holds \(positions) positions"
        func prefix(_ grid: PatchGrid) -> Int? { special.first { positions - $0 == grid.count } }
        if let grid = try toldGrid(that: { prefix($0) != nil }, held), let special = prefix(grid) {
            return (grid, special)
        }
        for special in special {
            if let side = Self.squareSide(positions - special) {
                account.beliefs[.grid] = .tensors
                return (PatchGrid(rows: side, columns: side), special)
            }
        }
        throw notSquare(held)
    }

    /// - Parameter distances: entries of a table of relative positions, (2R − 1)·(2C − 1).
    private mutating func settledGrid(distances: Int) throws -> PatchGrid {
        let held = "its table holds \(distances) relative positions"
        if let grid = try toldGrid(
            that: { (2 * $0.rows - 1) * (2 * $0.columns - 1) == distances }, held)
        {
            return grid
        }
        guard let side = Self.squareSide(distances), side % 2 == 1 else { throw notSquare(held) }
        account.beliefs[.grid] = .tensors
        return PatchGrid(rows: (side + 1) / 2, columns: (side + 1) / 2)
    }

    /// The first grid told that fits what the file holds; one that is an option has to.
    private mutating func toldGrid(that fits: (PatchGrid) -> Bool, _ held: String) throws -> PatchGrid? {
        for entry in told {
            guard let grid = entry.facts.grid else { continue }
            if fits(grid) {
                account.beliefs[.grid] = entry.source
                return grid
            }
            if entry.source == .option { throw problem("\(held), which a grid of \(grid) does not make") }
        }
        return nil
    }

    private func notSquare(_ held: String) -> VitvideoError {
        .weightsDoNotFit(
            path: tensors.checkpoint.path, problems: ["\(held), which is not a square grid's"],
            nextStep: .tellModel([.grid]))
    }

    /// The grid that is told, else a square one of so many patches a side: for a model whose tensors hold none.
    private mutating func settledGrid(preset side: Int) -> (grid: PatchGrid, special: Int) {
        let (grid, belief) = first(\.grid) ?? (PatchGrid(rows: side, columns: side), beliefOfPreset)
        account.beliefs[.grid] = belief
        return (grid, 0)
    }

    /// The side of a grid of so many patches; nil where they make no square.
    private static func squareSide(_ patches: Int) -> Int? {
        let side = Int(Double(max(patches, 0)).squareRoot().rounded())
        return side > 0 && side * side == patches ? side : nil
    }

    // MARK: Telling

    /// One notice on all that nobody has told. What follows from an assumed family is told by its value.
    private mutating func tellAssumptions(_ c: Configuration) {
        let parts = account.assumed
        // Epsilon and activation are the same in nearly all models, and do not speak by themselves.
        guard parts.contains(where: { ![.family, .epsilon, .activation].contains($0) }) else { return }
        let values = parts.compactMap { fact -> String? in
            fact == .epsilon ? nil : "\(fact.name) \(c.text(of: fact))"
        }
        account.notices.append(
            ModelNotice(
                "nothing says how its model was trained; assumed: " + values.joined(separator: ", "),
                nextStep: .tellModel(parts.filter { $0 != .epsilon })))
    }

    /// The user's position rule changes nothing where no table is interpolated.
    private mutating func tellThatNoRuleApplies() {
        guard told.contains(where: { $0.source == .option && $0.facts.positionInterpolation != nil }) else {
            return
        }
        account.notices.append(
            ModelNotice("it has no position table, so that a position rule changes nothing"))
    }

    /// What the file holds in place of a Vision Transformer, or which of its parts is missing.
    private func notAModel(needsTable: Bool) -> VitvideoError {
        let contents = FileContents(tensors.checkpoint.names)
        let parts = [
            ("cls_token", "class token"), ("patch_embed.proj.weight", "patch embedding"),
            ("pos_embed", "position table"),
        ].filter { tensors.shape($0.0) == nil && (needsTable || $0.0 != "pos_embed") }.map(\.1)
        let missing = parts.isEmpty ? "tokens of another shape" : "no " + parts.joined(separator: ", no ")
        return .weightsDoNotFit(
            path: tensors.checkpoint.path,
            problems: ["\(missing) of a family that is read; \(contents.text)"],
            nextStep: (contents.advice ?? tensors.checkpoint.exportAdvice).map { .advice($0) })
    }

    private func problem(_ text: String) -> VitvideoError {
        .weightsDoNotFit(path: tensors.checkpoint.path, problems: [text])
    }
}
