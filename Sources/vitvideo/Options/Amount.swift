import ArgumentParser
import Base

/// A number whose default stands in the help as one writes it: 18, not 18.0.
struct Amount: ExpressibleByArgument, ExpressibleByFloatLiteral {
    let value: Double

    init(floatLiteral value: Double) { self.value = value }

    init(_ value: Float) { self.value = Double("\(value)") ?? Double(value) }

    init?(argument: String) {
        guard let value = Double(argument) else { return nil }
        self.value = value
    }

    var float: Float { Float(value) }

    var defaultValueDescription: String { formatted("%g", value) }
}
