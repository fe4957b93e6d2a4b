import Base
import Checkpoints
import Fixtures
import Foundation
import Testing
import ViT

/// Models are found under whatever keys they lie, one of several is preferred, and what is no part of the backbone
/// is left out and told.
@Suite struct BackboneSearchTests {
    typealias Tensor = (name: String, shape: [Int], values: [Float])

    private let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    private static func configuration(
        width: Int = 192, rows: Int = 4, columns: Int = 4, classes: Int = 0,
        _ change: (inout Configuration) -> Void = { _ in }
    ) -> Configuration {
        var c = Configuration(
            family: .vit, patchSize: 2, width: width, depth: 2, heads: 3, feedForwardWidth: 8,
            nativeRows: rows, nativeColumns: columns, classes: classes)
        change(&c)
        return c
    }

    /// Every tensor of a configuration, values that differ.
    private static func tensors(_ c: Configuration, scale: Float = 1, prefix: String = "") -> [Tensor] {
        var random = SplitMix64(seed: 5)
        return CanonicalNames.required(by: c).map { name, shape in
            (
                prefix + name, shape,
                (0..<shape.reduce(1, *)).map { _ in scale * Float.random(in: -0.1...0.1, using: &random) }
            )
        }
    }

    private func write(_ tensors: [Tensor]) throws -> String {
        let path = directory.file("w.safetensors")
        try Safetensors.write(tensors, to: path)
        return path
    }

    private func load(_ tensors: [Tensor], told: ModelFacts = ModelFacts(), key: String? = nil) throws
        -> Model
    {
        try Model.load(try write(tensors), told: told, checkpointKey: key)
    }

    private func texts(_ model: Model) -> [String] { model.account.notices.map(\.text) }

    /// A grid of 4×4 patches.
    private func patches(_ c: Configuration) -> PatchMatrix {
        let planes = (0..<3 * 16 * c.patchSize * c.patchSize).map { Float($0 % 7) / 7 }
        return Preprocessor(configuration: c, resolution: .native).patches(
            ofPlanes: planes, rows: 4, columns: 4)
    }

    private func attention(_ model: Model) throws -> [Float] {
        let result = try ForwardPass(model: model).run(
            patches(model.configuration), ForwardRequest(attentionBlocks: [1]))
        return try #require(result.attention[1]).values
    }

    // MARK: Finding

    @Test(arguments: [
        "", "module.", "a.b.c.d.", "state_dict.model.net.0.", "encoder.", "my_vit.", "epoch/3/",
        "X.module.backbone.",
    ]) func anyPrefix(prefix: String) throws {
        let model = try load(Self.tensors(Self.configuration(), prefix: prefix))
        #expect(model.account.prefix == prefix)
        #expect(model.configuration.depth == 2)
        #expect(try attention(model) == attention(load(Self.tensors(Self.configuration()))))
    }

    static let preferences: [(taken: String, left: String)] = [
        ("model_ema.", "model."), ("state_dict_ema.", "state_dict."), ("ema.module.", "model.module."),
        ("ema_model.net.", "teacher.backbone."), ("teacher.backbone.", "student.module.backbone."),
        ("target_encoder.", "encoder."), ("module.base_encoder.", "module.momentum_encoder."),
        ("encoder_q.", "encoder_k."), ("model.", "optimizer.model."), ("semantic.", "student.schema."),
    ]

    @Test(arguments: preferences, [false, true]) func oneOfSeveral(
        names: (taken: String, left: String), isReversed: Bool
    ) throws {
        let taken = Self.tensors(Self.configuration(), prefix: names.taken)
        let left = Self.tensors(Self.configuration(), scale: 2, prefix: names.left)
        let file = isReversed ? left + taken : taken + left
        let model = try load(file)
        #expect(model.account.prefix == names.taken)
        if !names.left.hasPrefix("optimizer") {
            let notice = try #require(model.account.notices.first)
            #expect(notice.text.contains("'\(names.taken.dropLast())' is taken"))
            #expect(notice.text.contains("'\(names.left.dropLast())'"))
            #expect(notice.nextStep == .tellModel([.checkpointKey]))
        }
        let key = String(names.left.dropLast())
        #expect(try load(file, key: key).account.prefix == names.left)
        let error = #expect(throws: VitvideoError.self) { try load(file, key: "nothing") }
        #expect(error?.kind == .badData)
        #expect(error?.reason.contains("no model under 'nothing'; it has one under") == true)
    }

    @Test func aPartOfAPrefixIsAKey() throws {
        let file =
            Self.tensors(Self.configuration(), prefix: "run.teacher.backbone.")
            + Self.tensors(Self.configuration(), prefix: "run.student.module.backbone.")
        #expect(try load(file, key: "student").account.prefix == "run.student.module.backbone.")
        #expect(throws: VitvideoError.self) { try load(file, key: "stud") }
    }

    // MARK: Left out

    @Test(arguments: ["", "model."]) func whatAttentionDoesNotDependOnIsLeftOut(prefix: String) throws {
        let others = [
            "decoder_pos_embed", "decoder_blocks.0.norm1.weight", "criterion.center", "head.mlp.0.weight",
            "dino_head.last_layer.weight_v", "optimizer.state.0.exp_avg", "projector.0.weight", "logit_scale",
        ]
        let model = try load(
            Self.tensors(Self.configuration(), prefix: prefix)
                + others.map { ($0, [1], [Float(0)]) } + [
                    (prefix + "mask_token", [1, 1, 192], Self.ones(192))
                ])
        let notice = try #require(texts(model).first { $0.hasPrefix("left out") })
        #expect(notice.hasPrefix("left out 8 tensors") && notice.contains("criterion"))
        #expect(try attention(model) == attention(load(Self.tensors(Self.configuration()))))
    }

    private static func ones(_ count: Int) -> [Float] { [Float](repeating: 1, count: count) }

    @Test(arguments: [
        "blocks.0.attn.lambda_q1", "blocks.0.attn.rope.periods",
        "patch_embed.norm.weight",
        "ln_pre.weight", "prompt_tokens", "rel_pos_bias.table", "rope.periods", "blocks.0.ls3.gamma",
    ]) func whatChangesAttentionIsRefused(name: String) throws {
        let error = #expect(throws: VitvideoError.self) {
            try load(Self.tensors(Self.configuration()) + [(name, [1], [0])])
        }
        #expect(error?.reason.contains("unexpected \(name)") == true)
    }

    // MARK: Variants

    @Test func deiT3sLayerScale() throws {
        let scaled = Self.configuration { $0.hasLayerScale = true }
        let plain = Self.tensors(scaled)
        let renamed = plain.map { tensor in
            (
                tensor.name.replacing("ls1.gamma", with: "gamma_1").replacing("ls2.gamma", with: "gamma_2"),
                tensor.shape, tensor.values
            ) as Tensor
        }
        let told = ModelFacts(family: .deit)
        #expect(try attention(load(renamed, told: told)) == attention(load(plain, told: told)))
        #expect(try load(renamed).configuration.hasLayerScale)
    }

    @Test func missingBiases() throws {
        let whole = Self.tensors(Self.configuration())
        let bare = whole.filter { !$0.name.hasSuffix("qkv.bias") && $0.name != "patch_embed.proj.bias" }
        let zeroed = whole.map { tensor in
            tensor.name.hasSuffix("qkv.bias") || tensor.name == "patch_embed.proj.bias"
                ? (tensor.name, tensor.shape, tensor.values.map { _ in 0 }) : tensor
        }
        let model = try load(bare)
        #expect(model.configuration.qkvBias == [] && !model.configuration.hasPatchBias)
        #expect(try attention(model) == attention(load(zeroed)))
    }

    /// Queries and values have a bias under names of their own, keys have none.
    @Test func biasesOfQueriesAndValuesAlone() throws {
        let whole = Self.tensors(Self.configuration())
        let apart = whole.flatMap { tensor -> [Tensor] in
            guard tensor.name.hasSuffix("qkv.bias") else { return [tensor] }
            let name = tensor.name.dropLast("qkv.bias".count)
            return [
                ("\(name)q_bias", [192], Array(tensor.values[..<192])),
                ("\(name)v_bias", [192], Array(tensor.values[384...])),
            ]
        }
        let zeroed = whole.map { tensor in
            tensor.name.hasSuffix("qkv.bias")
                ? (tensor.name, tensor.shape, tensor.values.enumerated().map { 192..<384 ~= $0 ? 0 : $1 })
                : tensor
        }
        let model = try load(apart)
        #expect(model.configuration.qkvBias == [.queries, .values])
        #expect(try attention(model) == attention(load(zeroed)))
    }

    @Test func huggingFaceWithoutABiasOfKeys() throws {
        let source = try Checkpoint.open(Fixtures.golden("families/hf_vit.safetensors").path)
        let tensors = try source.names.filter { !$0.hasSuffix("key.bias") && !$0.hasSuffix("k_proj.bias") }
            .map {
                ($0, try #require(source[$0]).shape, try source.floats($0)) as Tensor
            }
        try #require(tensors.count < source.names.count)
        #expect(try load(tensors, told: ModelFacts(heads: 2)).configuration.qkvBias == [.queries, .values])
    }

    @Test func registersWithPositions() throws {
        let c = Self.configuration {
            $0.prefix.registers = 4
            $0.prefix.positionsRegisters = true
        }
        let file = Self.tensors(c)
        let model = try load(file, told: ModelFacts(family: .vit))
        #expect(model.configuration.prefix == c.prefix)
        #expect(model.configuration.nativeRows == 4 && model.configuration.nativeColumns == 4)
        // The same with the positions in the registers already.
        let table = try #require(file.first { $0.name == "pos_embed" }).values
        let added = file.map { tensor -> Tensor in
            switch tensor.name {
            case "register_tokens":
                (tensor.name, tensor.shape, zip(tensor.values, table[192...]).map { $0 + $1 })
            case "pos_embed":
                (tensor.name, [1, 17, 192], Array(table[..<192] + table[(5 * 192)...]))
            default: tensor
            }
        }
        #expect(try attention(load(added, told: ModelFacts(family: .vit))) == attention(model))
    }

    @Test func greyInput() throws {
        let grey = Self.configuration { $0.inputChannels = 1 }
        let file = Self.tensors(grey)
        let model = try load(file, told: ModelFacts(mean: [0.3], deviation: [0.2]))
        #expect(model.configuration.inputChannels == 1)
        #expect(
            model.configuration.normalization
                == Normalization(mean: [0.3, 0.3, 0.3], deviation: [0.2, 0.2, 0.2]))
        // A filter over the weighted sum of the colors.
        let filter = try #require(file.first { $0.name == "patch_embed.proj.weight" }).values
        for (channel, share) in [Float(0.299), 0.587, 0.114].enumerated() {
            for index in [0, 3] {
                #expect(model.patchFilters[4 * (3 * 7 + channel) + index] == share * filter[4 * 7 + index])
            }
        }
        let assumed = try load(file)
        let mean = assumed.configuration.normalization.mean
        #expect(Set(mean).count == 1 && abs(mean[0] - 0.4589) < 1e-3)
        let four = Self.configuration { $0.inputChannels = 4 }
        let error = #expect(throws: VitvideoError.self) { try load(Self.tensors(four)) }
        #expect(error?.reason.contains("4 channels") == true)
    }

    @Test func oblongGrids() throws {
        let file = Self.tensors(Self.configuration(rows: 2, columns: 5))
        let error = #expect(throws: VitvideoError.self) { try load(file) }
        #expect(error?.nextStep == .tellModel([.grid]))
        let c = try load(file, told: ModelFacts(grid: PatchGrid(rows: 2, columns: 5))).configuration
        #expect(c.nativeRows == 2 && c.nativeColumns == 5)
        #expect(throws: VitvideoError.self) {
            try load(file, told: ModelFacts(grid: PatchGrid(rows: 3, columns: 4)))
        }
    }

    // MARK: Classifiers

    @Test(
        arguments: ["head", "classifier", "fc", "head.fc", "heads.head", "linear", "mlp_head", "cls_head"],
        ["", "backbone.", "model.net."])
    func linearHeadsUnderUsualNames(name: String, prefix: String) throws {
        let backbone = Self.tensors(Self.configuration(), prefix: prefix)
        let weight = (0..<5 * 192).map { Float($0 % 11) / 11 }
        for place in Set([prefix, ""]) {
            var file = backbone + [("\(place)\(name).weight", [5, 192], weight)]
            var model = try load(file)
            #expect(model.configuration.classes == 5 && model.account.prefix == prefix)
            file.append(("\(place)\(name).bias", [5], Self.ones(5)))
            model = try load(file)
            #expect(model.configuration.classes == 5)
            #expect(!texts(model).contains { $0.hasPrefix("left out") })
            // On class token and mean patch token.
            let wide = Self.ones(2 * 5 * 192)
            let linear = try load(backbone + [("\(place)\(name).weight", [5, 384], wide)])
            #expect(linear.linearHead?.classes == 5 && linear.configuration.classes == 0)
        }
    }

    @Test(arguments: ["pre_logits", "pre_logits.fc"]) func aLayerBeforeTheClassifierRefusesOnlyClasses(
        name: String
    ) throws {
        let file = Self.tensors(Self.configuration(classes: 3)) + [("\(name).weight", [192], Self.ones(192))]
        let model = try load(file)
        #expect(model.configuration.classes == 0 && Classifier(ownOf: model) == nil)
        #expect(model.account.classifierObstacle?.contains(name.prefix { $0 != "." }) == true)
        #expect(try attention(model) == attention(load(Self.tensors(Self.configuration()))))
    }

    @Test func aMissingFinalNormRefusesOnlyFeatures() throws {
        let file = Self.tensors(Self.configuration(classes: 3)).filter { !$0.name.hasPrefix("norm.") }
        let model = try load(file)
        #expect(!model.configuration.hasFinalNorm && model.configuration.classes == 0)
        #expect(try attention(model) == attention(load(Self.tensors(Self.configuration()))))
        let patches = patches(model.configuration)
        let error = #expect(throws: VitvideoError.self) {
            try ForwardPass(model: model).run(patches, ForwardRequest(attentionBlocks: [], wantsTokens: true))
        }
        #expect(error?.kind == .usage)
    }

    @Test func aMissingDistillationHeadRefusesOnlyClasses() throws {
        let c = Self.configuration(classes: 3) { $0.prefix.hasDistillationToken = true }
        let model = try load(Self.tensors(c).filter { !$0.name.hasPrefix("head_dist") })
        #expect(model.configuration.hasDistillationToken && model.configuration.classes == 0)
        #expect(model.account.classifierObstacle == "its distillation head is missing")
    }

    /// Its classifier reads the class token alone.
    @Test func deiTForImageClassification() throws {
        let source = try Checkpoint.open(Fixtures.golden("families/hf_deit.safetensors").path)
        let tensors = try source.names.filter { !$0.hasPrefix("distillation_classifier") }.map {
            (
                $0.replacing("cls_classifier", with: "classifier"), try #require(source[$0]).shape,
                try source.floats($0)
            ) as Tensor
        }
        let model = try load(tensors, told: ModelFacts(heads: 2))
        #expect(model.configuration.classes == 5 && !model.configuration.hasDistillationHead)
        let patches = patches(model.configuration)
        let result = try ForwardPass(model: model).run(
            patches, ForwardRequest(attentionBlocks: [], wantsTokens: true, wantsLogits: true))
        let weight = try source.floats("cls_classifier.weight")
        let expected = try source.floats("cls_classifier.bias").enumerated().map { row, bias in
            (0..<24).reduce(bias) { $0 + weight[row * 24 + $1] * result.tokens[$1] }
        }
        #expect(relativeError(result.logits, expected) < 1e-5)
    }

    @Test(arguments: ["head", "state_dict.model.fc", "module.classifier", "my_probe"])
    func aClassifiersFileUnderAnyName(name: String) throws {
        let weight = (0..<2 * 192).map { Float($0) }
        let path = directory.file("head.safetensors")
        let bookkeeping: [Tensor] = [("optimizer.state.exp_avg.weight", [2, 192], weight)]
        for bias in [[], [("\(name).bias", [2], [1, 2])] as [Tensor]] {
            try Safetensors.write([("\(name).weight", [2, 192], weight)] + bias + bookkeeping, to: path)
            let head = try LinearHead.load(path, for: Self.configuration())
            #expect(
                head.classes == 2 && head.weight == weight && head.bias == (bias.isEmpty ? [0, 0] : [1, 2]))
        }
    }
}
