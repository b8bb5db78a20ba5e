namespace Fairlead.Kube.Objects;

/// <summary>An object of the Kubernetes API.</summary>
public interface IKubeObject
{
    string ApiVersion { get; }

    string Kind { get; }

    ObjectMeta Metadata { get; }
}

/// <summary>Namespace and name of an object; the namespace is empty for objects of the cluster.</summary>
public readonly record struct ObjectKey(string Namespace, string Name) : IComparable<ObjectKey>
{
    public int CompareTo(ObjectKey other)
        => string.CompareOrdinal(Namespace, other.Namespace) is not 0 and var order ? order : string.CompareOrdinal(Name, other.Name);

    public override string ToString() => Namespace.Length == 0 ? Name : $"{Namespace}/{Name}";

    public static bool operator <(ObjectKey left, ObjectKey right) => left.CompareTo(right) < 0;

    public static bool operator >(ObjectKey left, ObjectKey right) => left.CompareTo(right) > 0;

    public static bool operator <=(ObjectKey left, ObjectKey right) => left.CompareTo(right) <= 0;

    public static bool operator >=(ObjectKey left, ObjectKey right) => left.CompareTo(right) >= 0;
}

/// <summary>What every object can be asked.</summary>
public static class KubeObjects
{
    extension(IKubeObject obj)
    {
        /// <summary>Namespace and name.</summary>
        public ObjectKey Key => new(obj.Metadata.Namespace, obj.Metadata.Name);

        /// <summary>Whether somebody asked for the object to go.</summary>
        public bool IsTerminating => obj.Metadata.DeletionTimestamp is not null;

        /// <summary>The owner that acts on the object, if it has one.</summary>
        public OwnerReference? Controller
        {
            get
            {
                foreach (var owner in obj.Metadata.OwnerReferences)
                {
                    if (owner.Controller == true)
                    {
                        return owner;
                    }
                }

                return null;
            }
        }
    }
}
