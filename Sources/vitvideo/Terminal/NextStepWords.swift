import Base

extension NextStep {
    /// The step in the words of the command line.
    var words: String {
        switch self {
        case .advice(let text): text
        case .overwriteLink: "use --overwrite to create what it leads to"
        case .overwrite: "use --overwrite to replace it"
        case .otherCodec: "choose another --codec, or .mkv, which takes nearly everything"
        case .leaveOutResume(let writesMP4First):
            "leave --resume out" + (writesMP4First ? ", or write an .mp4 and turn that into a GIF" : "")
        case .withoutShares: "remove the directory FILE.resume, and leave --part out"
        case .allowMixedCPUs: "use the same on all machines (--backend, --precision), or --allow-mixed-cpus"
        case .leaveOutStrict: "leave --strict out to keep the frames there are"
        case .allowNetwork: "use --allow-network, or download it first"
        case .raiseResolution: "raise --resolution"
        case .tellModel(let facts):
            "give " + facts.compactMap(\.option).joined(separator: ", ")
                + (facts.count > 1 ? " to say otherwise" : "")
        case .useReferenceBackend: "try --backend openblas --precision fp32"
        case .usePrecision(let names): "use --precision \(names.joined(separator: " or "))"
        case .pullModel(let model, let source):
            "run 'vitvideo models pull \(model)', or download \(source) and run "
                + "'vitvideo models import FILE --as \(model)'"
        case .pullRepository(let name): "run 'vitvideo models pull \(name)'"
        case .nameHubFile(let name): "name a file with weights, as in \(name)/FILE"
        case .acceptTerms(let address, let hasToken):
            "accept its terms at \(address)"
                + (hasToken ? "" : ", and set HF_TOKEN to a token of your account")
        case .nameHubToken: "for a private one set HF_TOKEN to a token of your account"
        case .chooseImportName: "choose another with --name"
        case .importAsKnown(let model):
            "use --as \(model) to import them as it, or choose another with --name"
        case .importModel(let model):
            "or get the file elsewhere and run 'vitvideo models import FILE --as \(model)'"
        case .pullAgain: "delete it and run 'vitvideo models pull'"
        case .chooseCache: "set VITVIDEO_CACHE to a directory you can write"
        case .nameLabels(let source):
            source.map { "download \($0) there, or name a file with --labels" }
                ?? "or name a file with --labels"
        case .nameTokenizer(let source):
            source.map { "download \($0) there, or name a tokenizer with --tokenizer FILE" }
                ?? "name the model's with --tokenizer FILE"
        case .nameClasses:
            "name them with --labels FILE, or with --labels imagenet the 1,000 classes of ImageNet"
        case .shrinkFrames(let resolution):
            (resolution.map { "--resolution \($0) would fit" } ?? "no resolution would fit")
                + ", and --allow-huge-frames begins them all the same"
        case .nameNeuron: "name one with --neuron, such as --neuron 5:120"
        case .namePatch: "name one with --query, such as --query 12,20 or --query 640px,360px"
        case .otherMethod(let name): "use --method \(name)"
        case .leaveOut(let settings, let other):
            "leave out " + settings.map(\.option).joined(separator: " and ")
                + (other.map { (settings.count > 1 ? "," : "") + " or \($0.option)" } ?? "")
        case .shortenFlow(let blocks, let resolution):
            [blocks.map { "--blocks -\($0):" }, resolution.map { "--resolution \($0)" }].compactMap { $0 }
                .joined(separator: " or ") + " would be quick enough"
        case .fitMemory(let resolution, let workers, let withoutDiscarding):
            (resolution.map { "--resolution \($0) would fit" } ?? "no resolution would fit")
                + (workers.map { ", or use fewer than \($0) workers" } ?? "")
                + (withoutDiscarding ? ", or leave out --discard-ratio" : "")
        }
    }
}

extension MethodSetting {
    fileprivate var option: String {
        switch self {
        case .headFusion: "--head-fusion"
        case .discardRatio: "--discard-ratio"
        case .blocks: "--blocks"
        case .queryFrame: "--query-frame"
        case .queryImage: "--query-image"
        case .compat(let name): "--compat \(name)"
        }
    }
}

extension ModelFact {
    /// The option that says it; nil where there is none.
    var option: String? {
        switch self {
        case .family: "--family"
        case .mean: "--mean"
        case .deviation: "--std"
        case .grid: "--grid"
        case .activation: "--activation"
        case .heads: "--num-heads"
        case .positionRule: "--position-rule"
        case .epsilon: nil
        case .checkpointKey: "--checkpoint-key"
        }
    }
}
