import ArgumentParser
import Base
import Methods
import Pipeline
import ViT

/// Which units of a model pictures are made for.
struct UnitOptions: ParsableArguments {
    enum Target: String, ExpressibleByArgument, CaseIterable {
        case neuron, key, query, value, logit
        case classToken = "class-token"

        /// Nil for what is no channel.
        var projection: ActivationTarget.Projection? {
            switch self {
            case .key: .key
            case .query: .query
            case .value: .value
            case .neuron, .logit, .classToken: nil
            }
        }
    }

    @Argument(
        help: ArgumentHelp(
            """
            LAYER:NEURON, such as 5:120; 5:100-110 for several, 8:*:16 for sixteen spread evenly over layer 8, \
            *:*:4 for four of every layer; with commas between them. Of --target logit classes, of class-token \
            pictures. With --sheet progression *:*:4 where nothing is given, of --text all texts.
            """, valueName: "units"))
    var units: [String] = []

    @Option(
        help: """
            What is made large: 'neuron' of the feed-forward part after its activation, mean over the patches; a \
            channel of 'key', 'query' or 'value' as the projection gives it, mean over the patches, which the paper \
            found to give noise, so expect it; a class's 'logit'; or the 'class-token' in the direction that it has on \
            a picture.
            """)
    var target: Target = .neuron

    @Option(
        help: ArgumentHelp(
            """
            With --target key, query or value a head: its channels are counted, and LAYER alone is the mean over \
            them. With logit a linear classifier for the model, as DINO publishes it (*_linearweights.pth).
            """, valueName: "n|file"))
    var head: String?

    @Option(
        help: ArgumentHelp(
            "Names of the classes for --target logit: 'imagenet', or a file with one name a line.",
            valueName: "imagenet|file"))
    var labels: String?

    @OptionGroup var texts: TextOptions

    /// A head by its number, where that is what --head says.
    var headIndex: Int? { target.projection == nil ? nil : head.flatMap { Int($0) } }
    /// A classifier's file, where that is what --head says.
    var headFile: String? { target == .logit ? head : nil }

    func validate() throws {
        switch target {
        case .key, .query, .value:
            if let head, Int(head) == nil {
                throw ValidationError(
                    "--head \(head) is no head's number; --target logit takes a classifier's file")
            }
        case .logit: break
        case .neuron, .classToken:
            if head != nil {
                throw ValidationError("--head goes with --target key, query, value or logit")
            }
        }
        try texts.check(labels: labels, headFile: headFile)
        if texts.isWanted, target != .logit { throw ValidationError("--text goes with --target logit") }
        if labels != nil, target != .logit { throw ValidationError("--labels goes with --target logit") }
    }
}
