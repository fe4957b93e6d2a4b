extension JSONValue {
    /// A whole number, exact up to 2^53.
    package static func integer(_ value: Int) -> JSONValue { .number(Double(value)) }

    /// The value as JSON on one line, without spaces. Members keep their order; whole numbers have no point; what is
    /// no finite number is null.
    package var json: String {
        switch self {
        case .object(let members):
            "{\(members.map { "\(Self.quoted($0.name)):\($0.value.json)" }.joined(separator: ","))}"
        case .array(let values): "[\(values.map(\.json).joined(separator: ","))]"
        case .string(let text): Self.quoted(text)
        case .number(let value):
            Int(exactly: value).map(String.init) ?? (value.isFinite ? "\(value)" : "null")
        case .bool(let value): value ? "true" : "false"
        case .null: "null"
        }
    }

    /// A text as a JSON string: quotes, backslashes and control characters are escaped, all else is as it is.
    package static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\u{0}"..<"\u{20}":
                let digits = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}

extension JSONValue.Member {
    package init(_ name: String, _ value: JSONValue) {
        self.name = name
        self.value = value
    }
}
