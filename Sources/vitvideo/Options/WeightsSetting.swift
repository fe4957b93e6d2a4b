import ArgumentParser
import ViT

/// `NAME:OPTION=VALUE`: what an option of a weights file says of a defined one.
struct WeightsSetting: ExpressibleByArgument {
    /// The defined file's.
    let name: String
    /// As it is given.
    let text: String
    private let option: String
    private let value: String

    init?(argument: String) {
        guard let colon = argument.firstIndex(of: ":"),
            let equals = argument[colon...].firstIndex(of: "=")
        else { return nil }
        (name, text) = (String(argument[..<colon]), argument)
        option = String(argument[argument.index(after: colon)..<equals])
        value = String(argument[argument.index(after: equals)...])
        var facts = ModelFacts()
        var key: String?
        add(to: &facts, key: &key)
        // What says nothing is no setting.
        guard WeightsDefinition.isName(name), facts != ModelFacts() || key != nil else { return nil }
    }

    /// Adds what it says; nothing where the option or its value is none.
    func add(to facts: inout ModelFacts, key: inout String?) {
        switch option {
        case "family": facts.family = Configuration.Family(argument: value)
        case "mean": facts.mean = ChannelValues(argument: value)?.values
        case "std":
            let values = ChannelValues(argument: value)?.values ?? []
            facts.deviation = values.isEmpty || !values.allSatisfy { $0 > 0 } ? nil : values
        case "grid": facts.grid = GridArgument(argument: value)?.value
        case "activation": facts.activation = Activation(argument: value)
        case "num-heads": facts.heads = Int(value).flatMap { $0 > 0 ? $0 : nil }
        case "position-rule": facts.positionInterpolation = PositionInterpolation(argument: value)
        case "checkpoint-key": key = value.isEmpty ? nil : value
        default: break
        }
    }
}
