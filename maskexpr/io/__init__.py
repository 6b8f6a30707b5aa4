"""Files and arrays that know their grid."""
