import Base
import Checkpoints
import Files
import FoundationEssentials
import Glibc

extension Model {
    /// A published model that a file turns out to be.
    package struct Known: Sendable {
        package let name: String
        package let configuration: Configuration

        package init(name: String, configuration: Configuration) {
            self.name = name
            self.configuration = configuration
        }
    }

    /// Loads weights from a file in any known format.
    ///
    /// What the model is, is believed in this order: `told`, the files beside the weights, what is known, what the
    /// tensors show.
    ///
    /// - Parameters:
    ///   - name: what to call the model; the file's name where nil.
    ///   - configuration: the expected architecture; where nil that of `known`, else it is read off the tensors.
    ///   - told: what the user says.
    ///   - readsFilesBeside: whether `config.json` and `preprocessor_config.json` beside the weights are about them.
    ///   - checkpointKey: which dictionary of a PyTorch training checkpoint to read.
    ///   - known: gives the published model whose file has this SHA-256.
    /// - Throws: `VitvideoError.weightsDoNotFit`, `VitvideoError`.
    package static func load(
        _ path: String, name: String? = nil, configuration: Configuration? = nil,
        told: ModelFacts = ModelFacts(), readsFilesBeside: Bool = true, checkpointKey: String? = nil,
        known: (_ sha256: String) -> Known? = { _ in nil }
    ) throws -> Model {
        let checkpoint = try Checkpoint.open(path)
        let loader = try WeightLoader(checkpoint, key: checkpointKey)
        let hash = try checkpoint.contentHash()
        var facts = [ToldFacts(told, from: .option)]
        var notices: [ModelNotice] = []
        if readsFilesBeside {
            let files = try loader.configurationFiles()
            facts += files.told
            notices = files.notices
        }
        let published = configuration == nil ? known(hash) : nil
        var (settled, account) =
            if let configuration = configuration ?? published?.configuration {
                loader.settle(known: configuration, name: name ?? published?.name ?? "", told: facts)
            } else {
                try loader.settle(told: facts + [ToldFacts(checkpoint.facts, from: .file("its metadata"))])
            }
        account.notices = notices + account.notices
        return Model(
            configuration: settled,
            name: name ?? checkpoint.metadata["model"] ?? FileName.shown(path.lastPathPart),
            weightsHash: hash, account: account, weights: try loader.weights(for: settled),
            classNames: checkpoint.classNames, textTower: loader.textTower(beside: settled),
            readBlock: { [settled] in try loader.block($0, for: settled) })
    }
}

extension Checkpoint {
    /// SHA-256 of the file; of several files that of their hashes, a line of hexadecimal digits each.
    package func contentHash() throws -> String {
        let hashes = try files.map { try ContentHash.sha256(ofFile: $0) }
        return hashes.count == 1
            ? hashes[0] : try ContentHash.sha256(of: Data(hashes.map { $0 + "\n" }.joined().utf8))
    }

    /// Numbers of the metadata, one for all channels or one each; nil where there are none such.
    package func channelValues(_ name: String) -> [Float]? {
        let texts = metadata[name]?.split(separator: ",") ?? []
        let values = texts.compactMap { Float($0) }.filter(\.isFinite)
        return [1, 3].contains(values.count) && values.count == texts.count ? values : nil
    }

    /// What an import into the model cache or a training run noted, or the graph of an export shows.
    fileprivate var facts: ModelFacts {
        var facts = ModelFacts(
            family: metadata["family"].flatMap(Configuration.Family.init(rawValue:)),
            mean: channelValues("mean"),
            deviation: channelValues("std").flatMap { $0.allSatisfy { $0 > 0 } ? $0 : nil },
            heads: metadata["num_heads"].flatMap { Int($0) },
            activation: metadata["activation"].flatMap(Activation.init(rawValue:)))
        facts.layerNormEpsilon = metadata["layer_norm_eps"].flatMap { Float($0) }.flatMap {
            $0 > 0 && $0 < 1 ? $0 : nil
        }
        return facts
    }
}
