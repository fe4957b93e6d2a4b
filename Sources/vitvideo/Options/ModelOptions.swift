import ArgumentParser
import Base
import Files
import ModelZoo
import ViT

extension PositionInterpolation: ExpressibleByArgument {}
extension Configuration.Family: ExpressibleByArgument {}
extension Activation: ExpressibleByArgument {}

/// Which model, and what it is shown.
struct ModelOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            """
            Model by its torch.hub or timm name, hf:OWNER/NAME of Hugging Face, or the name it was imported \
            by; 'vitvideo models list' shows them. (default: \(ModelZoo.defaultName))
            """, valueName: "name"))
    var model: String?

    @Option(
        help: ArgumentHelp(
            "Weights from a file instead; the architecture is read off the tensors.", valueName: "file"))
    var weights: String?

    @Option(
        help: ArgumentHelp(
            "Number of heads, where a weights file has heads that are not 64 wide.", valueName: "n")
    )
    var numHeads: Int?

    @Option(
        help: """
            Family that a weights file is of, which decides about mean, std and position rule. (default: what \
            config.json beside the file or the tensors tell)
            """)
    var family: Configuration.Family?

    @Option(
        help: ArgumentHelp(
            """
            Mean that the model's input is normalized with, of 0 to 1: one number or three. (default: as \
            preprocessor_config.json or config.json beside the file say, else as the family does)
            """, valueName: "numbers"))
    var mean: ChannelValues?

    @Option(
        help: ArgumentHelp(
            "Standard deviation that the model's input is normalized with, as --mean.", valueName: "numbers"))
    var std: ChannelValues?

    @Option(
        help: ArgumentHelp(
            "Patch grid that a weights file was trained on, where it is not square.",
            valueName: "rowsxcolumns"))
    var grid: GridArgument?

    @Option(help: "Activation of a weights file's feed-forward layers. (default: as the family does)")
    var activation: Activation?

    @Option(help: CheckpointKeyHelp.text)
    var checkpointKey: String?

    @Option(
        name: .customLong("define"),
        help: ArgumentHelp(
            """
            A weights file, or a model hf:OWNER/NAME, under a name of its own, for --model, --compare and \
            --panel; repeat it for more. The file's path may hold commas.
            """, valueName: "name=file"))
    var definitions: [WeightsDefinition] = []

    @Option(
        name: .customLong("set"),
        help: ArgumentHelp(
            """
            What an option says of a defined file, as in --set mine:num-heads=4: family, mean, std, grid, \
            activation, num-heads, position-rule or checkpoint-key; repeat it for more. Such options themselves \
            are about --model or --weights.
            """, valueName: "name:option=value"))
    var assignments: [WeightsSetting] = []

    @Flag(help: "Never fetch weights; use only what is on this machine.")
    var offline = false

    @Option(
        help: ArgumentHelp(
            """
            Short side fed to the model in pixels, or 'native' for no resize. (default: 32 patches; the pictures of \
            'neuron' have the side of the model's training, or 224 where that is above 384)
            """, valueName: "pixels|native"))
    var resolution: ResolutionArgument?

    @Option(
        help: ArgumentHelp(
            """
            How position embeddings are carried to another grid: 'hub' as torch.hub's DINO and DINOv2 do, \
            'timm' antialiased to the exact size. DINOv3 has none. (default: as the model's family does)
            """))
    var positionRule: PositionInterpolation?

    /// Which model a name on the command line means; nil for the main one.
    ///
    /// What is no known model is taken for a file where there is one of that name or the name looks like one.
    func identity(of name: String?) -> ModelIdentity {
        if name == nil, let weights { return .file(weights) }
        let name = name ?? self.name
        if let definition = definitions.first(where: { $0.name == name }) { return .defined(definition) }
        if let entry = ModelZoo.find(name) { return .known(entry) }
        if let repository = ModelZoo.repository(ofOtherBuild: name) { return .stored(.hub(repository)) }
        if let model = ModelCache.standard().stored(named: name) { return .stored(model) }
        if name.hasPrefix(HubReference.prefix), !FileSystem.exists(name) { return .unknown(name) }
        let looksLikeFile = name.contains("/") || Self.weightsExtensions.contains(name.pathExtension)
        return looksLikeFile || FileSystem.exists(name) ? .file(name) : .unknown(name)
    }

    private static let weightsExtensions: Set = ["safetensors", "pth", "pt", "bin", "npz", "onnx"]

    /// - Throws: `VitvideoError`.
    func load(_ identity: ModelIdentity) throws -> Model {
        let cache = ModelCache.standard()
        let download = ModelDownload(cache: cache)
        func key(_ identity: ModelIdentity) -> String? {
            identity == self.identity(of: nil) ? checkpointKey : nil
        }
        switch identity {
        case .known(let entry):
            return try cache.load(
                entry, told: told(of: identity),
                download: offline ? nil : { try download.run($0) })
        case .stored(let model):
            return try cache.load(
                model, told: told(of: identity), checkpointKey: key(identity),
                download: offline ? nil : { try download.run($0) })
        case .unknown(let name):
            throw VitvideoError.unknownModel(name)
        case .file(let path):
            return try Model.load(
                path, told: told(of: identity),
                checkpointKey: key(identity),
                known: ModelZoo.published(withHash:))
        case .defined(let definition):
            var (facts, key) = (told(of: identity), key(identity))
            for setting in assignments where setting.name == definition.name {
                setting.add(to: &facts, key: &key)
            }
            let hub = HubReference(definition.path).map(StoredModel.hub)
            let path = try hub.map {
                try cache.location(of: $0, download: offline ? nil : { try download.run($0) }).path
            }
            return try Model.load(
                path ?? definition.path, name: definition.name, told: facts, checkpointKey: key,
                known: ModelZoo.published(withHash:))
        }
    }

    /// What the options say of a model: all of it of the main one, of others only what is about no single file.
    private func told(of identity: ModelIdentity) -> ModelFacts {
        guard identity == self.identity(of: nil) else {
            return ModelFacts(positionInterpolation: positionRule)
        }
        return ModelFacts(
            family: family, mean: mean?.values, deviation: std?.values, heads: numHeads,
            activation: activation, grid: grid?.value, positionInterpolation: positionRule)
    }

    func resolution(for model: Model) -> Resolution {
        resolution?.value ?? .shortSide(32 * model.configuration.patchSize)
    }

    /// The names in a list of models: one where the whole is a defined name or a file, else what commas separate.
    func names(in list: String) -> [String] {
        let path = list.hasPrefix("video:") ? String(list.dropFirst("video:".count)) : list
        if FileSystem.exists(path) || definitions.contains(where: { $0.name == list }) {
            return [list]
        }
        return list.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    }

    /// The models of a command that takes several, as they are listed; --weights names one.
    ///
    /// - Throws: `VitvideoError` of kind `usage` for a defined file that is none of them.
    func listedIdentities() throws -> [ModelIdentity] {
        let names = weights == nil ? names(in: name).filter { !$0.isEmpty } : []
        let identities = names.isEmpty ? [identity(of: nil)] : names.map { identity(of: $0) }
        try checkDefinitions(areAmong: identities)
        return identities
    }

    /// - Parameter identities: every model that the command looks at.
    /// - Throws: `VitvideoError` of kind `usage` for a defined file that is none of them.
    func checkDefinitions(areAmong identities: [ModelIdentity]) throws {
        for definition in definitions where !identities.contains(.defined(definition)) {
            throw VitvideoError(
                .usage, reason: "--define \(definition.name): nothing names it",
                nextStep: .advice("give it to --model, or in annotating to --compare or --panel"))
        }
    }

    /// Options that tell what only a weights file of one's own leaves open, as they were given.
    var tellingOptions: [String] {
        [
            ("--num-heads", numHeads != nil), ("--family", family != nil), ("--grid", grid != nil),
            ("--activation", activation != nil), ("--checkpoint-key", checkpointKey != nil),
        ].filter(\.1).map(\.0)
    }

    /// The main model's name, unless a weights file is given.
    var name: String { model ?? ModelZoo.defaultName }

    /// An option that is about one model and was given.
    var optionOfOneModel: String? {
        tellingOptions.first ?? (mean != nil ? "--mean" : std != nil ? "--std" : nil)
    }

    func validate() throws {
        if model != nil, weights != nil {
            throw ValidationError("--model and --weights both choose the model; give one of them")
        }
        for (index, definition) in definitions.enumerated() {
            if definitions[..<index].contains(where: { $0.name == definition.name }) {
                throw ValidationError("--define gives the name \(definition.name) twice")
            }
            if ModelZoo.find(definition.name) != nil {
                throw ValidationError("--define \(definition.name): a known model has that name")
            }
        }
        for setting in assignments where !definitions.contains(where: { $0.name == setting.name }) {
            throw ValidationError("--set \(setting.text): there is no --define \(setting.name)=FILE")
        }
        if let option = tellingOptions.first, !identity(of: nil).isFile {
            throw ValidationError(
                "\(option) goes with --weights; of a file in --compare --define and --set say it")
        }
        if let numHeads, numHeads < 1 { throw ValidationError("--num-heads must be at least 1") }
        if let std, !std.values.allSatisfy({ $0 > 0 }) {
            throw ValidationError("--std is above 0")
        }
    }

    /// What a command says to load one of the models alone, as here.
    func arguments(for identity: ModelIdentity) -> [String] {
        var arguments: [String]
        switch identity {
        case .known(let entry): arguments = ["--model", entry.name]
        case .stored, .unknown: arguments = ["--model", name(of: identity)]
        case .file(let path): arguments = ["--weights", path]
        case .defined(let definition):
            arguments = ["--define", "\(definition.name)=\(definition.path)", "--model", definition.name]
            for setting in assignments where setting.name == definition.name {
                arguments += ["--set", setting.text]
            }
        }
        let told: [(option: String, value: String?)] = [
            ("--num-heads", numHeads.map(String.init)), ("--family", family?.rawValue),
            ("--mean", mean?.text), ("--std", std?.text), ("--grid", grid?.value.description),
            ("--activation", activation?.rawValue), ("--checkpoint-key", checkpointKey),
        ]
        let shared: [(option: String, value: String?)] = [
            ("--resolution", resolution?.text), ("--position-rule", positionRule?.rawValue),
        ]
        for (option, value) in (identity == self.identity(of: nil) ? told : []) + shared {
            if let value { arguments += [option, value] }
        }
        return arguments + (offline ? ["--offline"] : [])
    }

    /// The name that a model was asked for by.
    private func name(of identity: ModelIdentity) -> String {
        names(in: name).first { self.identity(of: $0) == identity } ?? name
    }

    /// The model itself counts with the content of its weights, whatever its name.
    var settings: JobSettings {
        [
            ("--num-heads", numHeads.map(String.init)), ("--checkpoint-key", checkpointKey),
            ("--family", family?.rawValue), ("--mean", mean?.text), ("--std", std?.text),
            ("--grid", grid?.value.description), ("--activation", activation?.rawValue),
            ("--define", definitions.isEmpty ? nil : definitions.map(\.name).joined(separator: " ")),
            ("--set", assignments.isEmpty ? nil : assignments.map(\.text).joined(separator: " ")),
            ("--resolution", resolution?.text), ("--position-rule", positionRule?.rawValue),
        ]
    }
}

enum CheckpointKeyHelp {
    static let text = ArgumentHelp(
        """
        Which of several models in a weights file, by a key or prefix on the way to it. (default: an average such as \
        'ema', else a teacher, else what is no student, momentum encoder or the like)
        """, valueName: "key")
}

/// `448` or `native`.
struct ResolutionArgument: ExpressibleByArgument {
    let value: Resolution

    /// As it is given.
    var text: String {
        switch value {
        case .shortSide(let side): "\(side)"
        case .native: "native"
        }
    }

    init?(argument: String) {
        if argument == "native" {
            value = .native
        } else if let side = Int(argument), (1...32768).contains(side) {
            value = .shortSide(side)
        } else {
            return nil
        }
    }
}
